package differential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// The parts of `kubectl plimsoll eventlog -o json` that peers have a word for.
type plimsollLog struct {
	Refused           string                       `json:"refused"`
	Banks             []string                     `json:"banks"`
	Pcrs              map[string]map[string]string `json:"pcrs"`
	SecureBoot        string                       `json:"secureBoot"`
	SecureBootDetail  string                       `json:"secureBootDetail"`
	KernelCommandLine *string                      `json:"kernelCommandLine"`
	FirmwareVersion   string                       `json:"firmwareVersion"`
	Databases         map[string]struct {
		Covered  bool `json:"covered"`
		Readable bool `json:"readable"`
		Entries  []struct {
			Kind  string `json:"kind"`
			Value string `json:"value"`
		} `json:"entries"`
	} `json:"databases"`
	Authorities []struct {
		Event           int    `json:"event"`
		Variable        string `json:"variable"`
		Covered         bool   `json:"covered"`
		BeforeSeparator bool   `json:"beforeSeparator"`
		Kind            string `json:"kind"`
		Value           string `json:"value"`
	} `json:"authorities"`
	Components []struct {
		Role   string `json:"role"`
		Pcr    int    `json:"pcr"`
		Path   string `json:"path"`
		Digest string `json:"digest"`
	} `json:"components"`
	Events []struct {
		Index       int               `json:"index"`
		Pcr         uint32            `json:"pcr"`
		Type        string            `json:"type"`
		Digests     map[string]string `json:"digests"`
		DataTrusted bool              `json:"dataTrusted"`
		Text        string            `json:"text"`
	} `json:"events"`
}

// runPlimsoll reads a log with the program that PLIMSOLL_KUBECTL names; `bank` "" for all banks.
func runPlimsoll(t *testing.T, path, bank string) plimsollLog {
	t.Helper()
	program := os.Getenv("PLIMSOLL_KUBECTL")
	if program == "" {
		t.Fatal("PLIMSOLL_KUBECTL must name the program kubectl-plimsoll; tests/differential/run.sh sets it")
	}
	arguments := []string{"eventlog", path, "-o", "json"}
	if bank != "" {
		arguments = append(arguments, "--bank", bank)
	}
	command := exec.Command(program, arguments...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1 && out.Len() > 0) {
		t.Fatalf("%s %q: %v: %s", program, arguments, err, complaint.String())
	}
	var log plimsollLog
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatalf("%s %q: %v", program, arguments, err)
	}
	return log
}

// plimsollFacts are our own facts: those of the whole log, and those of each bank apart.
func plimsollFacts(t *testing.T, path string) Facts {
	t.Helper()
	log := runPlimsoll(t, path, "")
	facts := Facts{}
	if log.Refused != "" {
		facts["parse"] = Refused + ": " + log.Refused
		return facts
	}
	facts["parse"] = Accepted
	facts["banks"] = list(log.Banks)
	for _, event := range log.Events {
		facts[eventFact(event.Index)] = eventText(event.Pcr, event.Type, event.Digests)
	}
	for _, bank := range Algorithms {
		if !has(log.Banks, bank) {
			continue
		}
		for pcr := 0; pcr < 24; pcr++ {
			facts[pcrFact(bank, pcr)] = log.Pcrs[bank][strconv.Itoa(pcr)]
		}
		addBankFacts(facts, bank, runPlimsoll(t, path, bank))
	}
	return facts
}

// addBankFacts adds what the digests of one bank prove.
func addBankFacts(facts Facts, bank string, log plimsollLog) {
	secureBoot := log.SecureBoot
	if secureBoot == "Unknown" {
		secureBoot = notProven(log.SecureBootDetail)
	}
	facts[bankFact(bank, "secureBoot")] = secureBoot
	for _, name := range []string{"PK", "KEK", "db", "dbx"} {
		database, there := log.Databases[name]
		var entries []string
		for _, entry := range database.Entries {
			entries = append(entries, entry.Kind+":"+entry.Value)
		}
		facts[bankFact(bank, name)] = set(entries)
		if there && !database.Readable {
			facts[bankFact(bank, name)] = notProven("its digest does not cover it, or its lists are broken")
		}
	}
	var authorities []string
	for _, authority := range log.Authorities {
		value := "not covered"
		if authority.Covered && authority.Kind == "" {
			value = "no certificate"
		} else if authority.Covered {
			value = authority.Kind + ":" + authority.Value
		}
		authorities = append(authorities, authorityText(authority.Event, authority.Variable, authority.BeforeSeparator, value))
	}
	facts[bankFact(bank, "authorities")] = list(authorities)
	var applications, files []string
	for _, component := range log.Components {
		if component.Pcr == 4 && component.Role == "BootLoader" {
			applications = append(applications, component.Digest)
		}
		if component.Pcr == 9 {
			files = append(files, component.Digest+" "+component.Path)
		}
	}
	facts[bankFact(bank, "bootApplications")] = list(applications)
	facts[bankFact(bank, "grubFiles")] = list(files)
	var commands []string
	for _, event := range log.Events {
		if event.Pcr == 8 && event.DataTrusted {
			commands = append(commands, event.Text)
		}
	}
	facts[bankFact(bank, "grubCommands")] = list(commands)
	facts[bankFact(bank, "kernelCommandLine")] = "none"
	if log.KernelCommandLine != nil {
		facts[bankFact(bank, "kernelCommandLine")] = *log.KernelCommandLine
	}
	facts[bankFact(bank, "firmwareVersion")] = log.FirmwareVersion
}

func authorityText(event int, variable string, beforeSeparator bool, value string) string {
	where := "after"
	if beforeSeparator {
		where = "before"
	}
	return fmt.Sprintf("event %d, %s the separator, %s: %s", event, where, variable, value)
}
