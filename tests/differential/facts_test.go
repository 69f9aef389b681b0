// Package differential reads the boot event logs of tests/data/event-logs with kubectl-plimsoll and with other
// readers, and holds what they say against each other. A difference is either explained in explained_test.go or a
// failure; an explanation without its difference is a failure too.
package differential

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/google/go-eventlog/tcg"
)

// Facts are what one reader says about one log: name -> value. Names are made by the functions below, so that readers
// say the same thing under the same name. A reader leaves out what it has no word for.
type Facts map[string]string

// Refused begins the fact "parse" of a reader that does not accept a log, and NotProven how a reader says that it takes
// no decision from what it read. Reasons may follow; readers that give different reasons agree.
const (
	Accepted  = "accepted"
	Refused   = "refused"
	NotProven = "not proven"
)

func notProven(reason any) string { return fmt.Sprintf("%s: %v", NotProven, reason) }

// Algorithms are the banks that all readers know.
var Algorithms = []string{"sha1", "sha256", "sha384"}

func eventFact(index int) string          { return fmt.Sprintf("event %d", index) }
func pcrFact(bank string, pcr int) string { return fmt.Sprintf("pcr %s:%d", bank, pcr) }
func bankFact(bank, name string) string   { return bank + " " + name }

// eventTypeName is the TCG's name, or the number of a type that has none.
func eventTypeName(number uint32) string {
	if name := tcg.EventType(number).TCGString(); strings.HasPrefix(name, "EV_") {
		return name
	}
	return fmt.Sprintf("0x%08x", number)
}

// eventText is one event: where it went, what it claims to be, and its digests.
func eventText(pcr uint32, eventType string, digests map[string]string) string {
	var text []string
	for _, bank := range Algorithms {
		if digest := digests[bank]; digest != "" {
			text = append(text, bank+":"+digest)
		}
	}
	return fmt.Sprintf("PCR %d %s %s", pcr, eventType, strings.Join(text, " "))
}

// list is a value of several parts. An empty list is said, not left out.
func list(parts []string) string {
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "\n")
}

// set is a list whose order means nothing.
func set(parts []string) string {
	sorted := append([]string(nil), parts...)
	sort.Strings(sorted)
	return list(sorted)
}

// maxShown is how much of a text kubectl-plimsoll shows of one event.
const maxShown = 160

// shown writes a text as kubectl-plimsoll shows it: no control characters, and not too long.
func shown(text string) string {
	var out strings.Builder
	for _, character := range text {
		if character < 0x20 || character == 0x7F {
			fmt.Fprintf(&out, "\\x%02x", character)
		} else {
			out.WriteRune(character)
		}
	}
	escaped := out.String()
	if len(escaped) <= maxShown {
		return escaped
	}
	cut := maxShown - len("...")
	for !utf8.RuneStart(escaped[cut]) {
		cut--
	}
	return escaped[:cut] + "..."
}
