package differential

import (
	"encoding/json"
	"fmt"
	"testing"
)

// fewestFacts keeps a run in which no peer says anything from proving something.
const fewestFacts = 2000

// guarded turns a panic of a peer into a fact.
func guarded(read func() Facts) (facts Facts) {
	defer func() {
		if cause := recover(); cause != nil {
			facts = Facts{"parse": fmt.Sprintf("panic: %v", cause)}
		}
	}()
	return read()
}

func TestEventLogsReadAsOtherReadersReadThem(t *testing.T) {
	var differences []Difference
	compared := map[string]int{}
	for name, log := range logFiles(t) {
		ours := plimsollFacts(t, log.path)
		for peer, read := range map[string]func() Facts{
			goAttestation: func() Facts { return goAttestationFacts(log.contents, ours) },
			goEventlog:    func() Facts { return goEventlogFacts(log.contents, ours) },
			tpm2Eventlog:  func() Facts { return tpm2EventlogFacts(t, log.path, log.contents) },
		} {
			theirs := guarded(read)
			compared[peer] += len(theirs)
			differences = append(differences, Compare(peer, name, ours, theirs)...)
		}
	}
	unexplained, stale := Unexplained(differences, explanations)
	for _, difference := range unexplained {
		line, err := json.Marshal(difference)
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("not explained: %s", line)
	}
	for _, each := range stale {
		t.Errorf("explained, but no longer so: %s", each)
	}
	for peer, count := range compared {
		t.Logf("%s: %d facts compared", peer, count)
		if count < fewestFacts {
			t.Errorf("%s says only %d facts", peer, count)
		}
	}
	t.Logf("%d differences, all explained: %t", len(differences), len(unexplained) == 0)
}
