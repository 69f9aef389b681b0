package differential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	tpm2Eventlog        = "tpm2_eventlog 5.4"
	tpm2EventlogTimeout = 20 * time.Second
)

var (
	yamlField = regexp.MustCompile(`^\s*(?:- )?(PCRIndex|EventType|AlgorithmId|Digest): "?'?([^"']*)`)
	yamlBank  = regexp.MustCompile(`^  (sha1|sha256|sha384|sha512|sm3_256):$`)
	yamlPcr   = regexp.MustCompile(`^    (\d+) *: 0x([0-9a-f]+)$`)
)

// tpm2EventlogFacts reads what tpm2_eventlog prints. Its YAML is read line by line, since it does not always hold to
// YAML's rules.
func tpm2EventlogFacts(t *testing.T, path string, log []byte) Facts {
	t.Helper()
	context, cancel := context.WithTimeout(t.Context(), tpm2EventlogTimeout)
	defer cancel()
	command := exec.CommandContext(context, "tpm2_eventlog", path)
	var out bytes.Buffer
	command.Stdout = &out
	var exit *exec.ExitError
	if err := command.Run(); errors.As(err, &exit) && exit.Exited() {
		return Facts{"parse": Refused}
	} else if err != nil {
		return Facts{"parse": fmt.Sprintf("failed: %v", err)}
	}
	events, pcrs := splitAtPcrs(out.String())
	facts := tpm2EventlogEvents(events, headerEvents(log) == 1)
	facts["parse"] = Accepted
	addTpm2EventlogPcrs(facts, pcrs)
	return facts
}

func splitAtPcrs(yaml string) (events, pcrs []string) {
	lines := strings.Split(yaml, "\n")
	for i, line := range lines {
		if line == "pcrs:" {
			return lines[:i], lines[i+1:]
		}
	}
	return lines, nil
}

// tpm2EventlogEvents reads the list of events. Those of a SHA-1-only log are not numbered there.
func tpm2EventlogEvents(lines []string, cryptoAgile bool) Facts {
	facts := Facts{}
	number, pcr, eventType, bank := -1, uint64(0), "", ""
	digests := map[string]string{}
	add := func() {
		if number >= 0 {
			facts[eventFact(number)] = eventText(uint32(pcr), eventType, digests)
		}
	}
	for _, line := range lines {
		field := yamlField.FindStringSubmatch(line)
		if field == nil {
			continue
		}
		switch field[1] {
		case "PCRIndex":
			add()
			number++
			digests = map[string]string{}
			bank = "sha1" // the header of a crypto-agile log names no algorithm
			pcr, _ = strconv.ParseUint(field[2], 10, 32)
		case "EventType":
			eventType = field[2]
		case "AlgorithmId":
			bank = field[2]
		case "Digest":
			digests[bank] = field[2]
		}
	}
	add()
	if cryptoAgile {
		delete(facts, eventFact(0))
	}
	return facts
}

func addTpm2EventlogPcrs(facts Facts, lines []string) {
	bank := ""
	for _, line := range lines {
		if match := yamlBank.FindStringSubmatch(line); match != nil {
			bank = match[1]
			for pcr := 0; pcr < 24 && has(Algorithms, bank); pcr++ {
				facts[pcrFact(bank, pcr)] = ""
			}
		} else if match := yamlPcr.FindStringSubmatch(line); match != nil && has(Algorithms, bank) {
			pcr, _ := strconv.Atoi(match[1])
			facts[pcrFact(bank, pcr)] = match[2]
		}
	}
}
