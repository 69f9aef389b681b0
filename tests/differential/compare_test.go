package differential

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

// A Difference is one fact about one log in which kubectl-plimsoll and a peer do not agree.
type Difference struct {
	Peer   string `json:"peer"`
	Log    string `json:"log"`
	Fact   string `json:"fact"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// An Explanation is for every combination of its peers, logs and facts; each of them must be a difference.
type Explanation struct {
	Peers  []string
	Logs   []string
	Facts  []string
	Ours   string // part of our value; "" for any
	Theirs string // part of the peer's value; "" for any
	Right  string // who is right: "plimsoll", "peer", or "both" where they answer different questions
	Why    string
}

func (e Explanation) covers(d Difference) bool {
	return has(e.Peers, d.Peer) && has(e.Logs, d.Log) && has(e.Facts, d.Fact) && strings.Contains(d.Ours, e.Ours) &&
		strings.Contains(d.Theirs, e.Theirs)
}

func has(all []string, one string) bool {
	for _, each := range all {
		if each == one {
			return true
		}
	}
	return false
}

// Compare gives the differences in the facts that the peer has, in a fixed order. What we did not say is "not said". Of
// a log that one of the two does not accept, nothing but that is compared.
func Compare(peer, log string, ours, theirs Facts) []Difference {
	var differences []Difference
	if !agree(ours["parse"], theirs["parse"]) {
		return []Difference{{peer, log, "parse", ours["parse"], theirs["parse"]}}
	}
	for fact, their := range theirs {
		our, said := ours[fact]
		if !said {
			our = "not said"
		}
		if !agree(our, their) {
			differences = append(differences, Difference{peer, log, fact, our, their})
		}
	}
	sort.Slice(differences, func(i, j int) bool { return differences[i].Fact < differences[j].Fact })
	return differences
}

// agree takes any two reasons for the same kind of silence as the same.
func agree(our, their string) bool {
	for _, silence := range []string{NotProven, Refused} {
		if strings.HasPrefix(our, silence) && strings.HasPrefix(their, silence) {
			return true
		}
	}
	return our == their
}

// Unexplained gives the differences without an explanation, and Stale the explained ones that are no more.
func Unexplained(found []Difference, explanations []Explanation) (unexplained []Difference, stale []string) {
	seen := map[string]bool{}
	key := func(index int, peer, log, fact string) string {
		return fmt.Sprintf("%d|%s|%s|%s", index, peer, log, fact)
	}
	for _, difference := range found {
		explained := false
		for i, explanation := range explanations {
			if explanation.covers(difference) {
				seen[key(i, difference.Peer, difference.Log, difference.Fact)] = true
				explained = true
			}
		}
		if !explained {
			unexplained = append(unexplained, difference)
		}
	}
	for i, explanation := range explanations {
		for _, peer := range explanation.Peers {
			for _, log := range explanation.Logs {
				for _, fact := range explanation.Facts {
					if !seen[key(i, peer, log, fact)] {
						stale = append(stale, fmt.Sprintf("%s, %s, %s: %s", peer, log, fact, explanation.Why))
					}
				}
			}
		}
	}
	return unexplained, stale
}

func TestADifferenceWithoutAnExplanationIsFound(t *testing.T) {
	ours := Facts{"secureBoot": "Enabled", "pcr sha1:0": "00", "db": notProven("no variable")}
	theirs := Facts{"secureBoot": "Disabled", "pcr sha1:0": "00", "db": notProven("no event"), "firmware": "v1"}
	differences := Compare("peer", "log", ours, theirs)
	if len(differences) != 2 || differences[0].Fact != "firmware" || differences[0].Ours != "not said" ||
		differences[1].Fact != "secureBoot" {
		t.Fatalf("found %+v", differences)
	}
	unexplained, stale := Unexplained(differences, nil)
	if len(unexplained) != 2 || len(stale) != 0 {
		t.Fatalf("unexplained %+v, stale %+v", unexplained, stale)
	}
}

func TestOfARefusedLogOnlyTheRefusalIsCompared(t *testing.T) {
	ours := Facts{"parse": "refused"}
	theirs := Facts{"parse": "accepted", "secureBoot": "Disabled"}
	differences := Compare("peer", "log", ours, theirs)
	if len(differences) != 1 || differences[0].Fact != "parse" || differences[0].Ours != "refused" {
		t.Fatalf("found %+v", differences)
	}
	if same := Compare("peer", "log", ours, Facts{"parse": "refused"}); len(same) != 0 {
		t.Fatalf("found %+v", same)
	}
}

func TestAnExplanationCoversNothingButItsOwnDifference(t *testing.T) {
	difference := Difference{Peer: "peer", Log: "log", Fact: "secureBoot", Ours: NotProven, Theirs: "Disabled"}
	right := Explanation{Peers: []string{"peer"}, Logs: []string{"log"}, Facts: []string{"secureBoot"}, Ours: NotProven, Theirs: "Disabled"}
	unexplained, stale := Unexplained([]Difference{difference}, []Explanation{right})
	if len(unexplained) != 0 || len(stale) != 0 {
		t.Fatalf("unexplained %+v, stale %+v", unexplained, stale)
	}
	for _, change := range []func(*Explanation){
		func(e *Explanation) { e.Peers = []string{"other"} },
		func(e *Explanation) { e.Logs = []string{"other"} },
		func(e *Explanation) { e.Facts = []string{"other"} },
		func(e *Explanation) { e.Ours = "Enabled" },
		func(e *Explanation) { e.Theirs = "Enabled" },
	} {
		wrong := right
		change(&wrong)
		unexplained, stale := Unexplained([]Difference{difference}, []Explanation{wrong})
		if len(unexplained) != 1 || len(stale) != 1 {
			t.Errorf("%+v: unexplained %+v, stale %+v", wrong, unexplained, stale)
		}
	}
}

func TestAnExplanationWithoutItsDifferenceIsStale(t *testing.T) {
	explanation := Explanation{Peers: []string{"peer"}, Logs: []string{"one", "two"}, Facts: []string{"secureBoot"}}
	found := []Difference{{Peer: "peer", Log: "one", Fact: "secureBoot", Ours: "a", Theirs: "b"}}
	unexplained, stale := Unexplained(found, []Explanation{explanation})
	if len(unexplained) != 0 || len(stale) != 1 || !strings.Contains(stale[0], "two") {
		t.Fatalf("unexplained %+v, stale %+v", unexplained, stale)
	}
}

func TestEveryExplanationSaysWhoIsRightAndWhy(t *testing.T) {
	for _, explanation := range explanations {
		if !has([]string{"plimsoll", "peer", "both"}, explanation.Right) || len(explanation.Why) < 20 ||
			len(explanation.Peers) == 0 || len(explanation.Logs) == 0 || len(explanation.Facts) == 0 {
			t.Errorf("%+v", explanation)
		}
	}
}
