package differential

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/google/go-eventlog/extract"
	"github.com/google/go-eventlog/proto/state"
	"github.com/google/go-eventlog/register"
	"github.com/google/go-eventlog/tcg"
	"github.com/google/go-eventlog/wellknown"
)

const goEventlog = "go-eventlog v0.0.2"

// goEventlogFacts are what go-eventlog says, asked in the same way as go-attestation.
func goEventlogFacts(log []byte, ours Facts) Facts {
	parsed, err := tcg.ParseEventLog(log, tcg.ParseOpts{})
	if err != nil {
		return Facts{"parse": Refused}
	}
	facts := Facts{"parse": Accepted}
	var banks []string
	for _, algorithm := range parsed.Algs {
		banks = append(banks, strings.ToLower(algorithm.String()))
	}
	facts["banks"] = list(banks)
	addGoEventlogEvents(facts, parsed, headerEvents(log))
	for _, algorithm := range parsed.Algs {
		bank, hash := strings.ToLower(algorithm.String()), algorithm.CryptoHash()
		var registers []register.MR
		for pcr := 0; pcr < 24; pcr++ {
			name := pcrFact(bank, pcr)
			value := replayed(ours[name], hash.Size(), func(digest []byte) (int, bool) {
				events, err := parsed.Verify([]register.MR{register.PCR{Index: pcr, Digest: digest, DigestAlg: hash}})
				return len(events), err == nil
			})
			facts[name] = value
			if digest, err := hex.DecodeString(value); err == nil && value != "" {
				registers = append(registers, register.PCR{Index: pcr, Digest: digest, DigestAlg: hash})
			}
		}
		if events, err := parsed.Verify(registers); err == nil {
			addExtracted(facts, bank, hash, events)
		}
	}
	return facts
}

func addGoEventlogEvents(facts Facts, log *tcg.EventLog, skipped int) {
	perBank := map[string][]tcg.Event{
		"sha1": log.Events(register.HashSHA1), "sha256": log.Events(register.HashSHA256), "sha384": log.Events(register.HashSHA384)}
	for i, event := range perBank["sha1"] {
		digests := map[string]string{}
		for bank, events := range perBank {
			digests[bank] = hex.EncodeToString(events[i].Digest)
		}
		facts[eventFact(i+skipped)] = eventText(event.MRIndex(), eventTypeName(uint32(event.Type)), digests)
	}
}

// addExtracted adds what go-eventlog extracts from the events of one bank, each extractor for itself: one that refuses
// says nothing but that. Each gets the events of the PCRs that it reads and no others, see `safe`.
func addExtracted(facts Facts, bank string, hash crypto.Hash, events []tcg.Event) {
	of := func(pcrs ...uint32) []tcg.Event { return eventsOf(events, pcrs) }
	if mine := of(2, 7); safe(facts, bankFact(bank, "secureBoot"), mine) {
		secureBoot, err := extract.ParseSecurebootState(mine, extract.TPMRegisterConfig)
		if err != nil {
			facts[bankFact(bank, "secureBoot")] = notProven(err)
		} else {
			facts[bankFact(bank, "secureBoot")] = onOrOff(secureBoot.Enabled)
		}
	}
	addVariables(facts, bank, of(7))
	if mine := of(4, 5); safe(facts, bankFact(bank, "bootApplications"), mine) {
		addBootApplications(facts, bank, hash, mine)
	}
	if mine := of(0); safe(facts, bankFact(bank, "firmwareVersion"), mine) {
		if platform, err := extract.PlatformState(hash, mine); err == nil {
			facts[bankFact(bank, "firmwareVersion")] = firmwareVersion(platform)
		}
	}
	if mine := of(8, 9); safe(facts, bankFact(bank, "grubCommands"), mine) {
		addGrub(facts, bank, hash, mine)
	}
}

func eventsOf(events []tcg.Event, pcrs []uint32) []tcg.Event {
	var found []tcg.Event
	for _, event := range events {
		for _, pcr := range pcrs {
			if event.MRIndex() == pcr {
				found = append(found, event)
			}
		}
	}
	return found
}

// safe keeps go-eventlog from event types without a name: its accessor of the type calls itself for the text of its
// panic, without end, and Go cannot recover from that.
func safe(facts Facts, fact string, events []tcg.Event) bool {
	for _, event := range events {
		if _, known := event.Type.KnownName(); !known {
			facts[fact] = fmt.Sprintf("endless recursion on event type %#x", uint32(event.Type))
			return false
		}
	}
	return true
}

func addBootApplications(facts Facts, bank string, hash crypto.Hash, events []tcg.Event) {
	efi, err := extract.EfiState(hash, events, extract.TPMRegisterConfig)
	if err != nil {
		facts[bankFact(bank, "bootApplications")] = notProven(err)
		return
	}
	var applications []string
	for _, application := range efi.GetApps() {
		applications = append(applications, bank+":"+hex.EncodeToString(application.Digest))
	}
	facts[bankFact(bank, "bootApplications")] = list(applications)
}

// addVariables adds the signature databases and authorities of PCR 7, event by event, so that a log whose Secure Boot
// state is refused as a whole is compared too.
func addVariables(facts Facts, bank string, events []tcg.Event) {
	var authorities []string
	separated := false
	for _, event := range events {
		separated = separated || event.Type == tcg.Separator
		variable, err := tcg.ParseUEFIVariableData(bytes.NewReader(event.RawData()))
		if err != nil {
			continue
		}
		name := variable.VarName()
		switch {
		case event.Type == tcg.EFIVariableDriverConfig && has([]string{"PK", "KEK", "db", "dbx"}, name):
			certificates, hashes, err := variable.SignatureData()
			if err != nil || !event.DigestVerified() {
				facts[bankFact(bank, name)] = notProven(err)
			} else {
				facts[bankFact(bank, name)] = set(signatures(certificates, hashes))
			}
		case event.Type == tcg.EFIVariableAuthority:
			authorities = append(authorities, authorityText(int(event.Num()), name, !separated, authority(event, variable)))
		}
	}
	facts[bankFact(bank, "authorities")] = list(authorities)
}

// authority does what the extractor of the Secure Boot state does with one event, which knows two mistakes of shim: an
// entry without its owner, and then a byte more than was measured.
func authority(event tcg.Event, variable tcg.UEFIVariableData) string {
	parsed, err := tcg.ParseUEFIVariableAuthority(variable)
	data := event.RawData()
	covered := event.DigestVerified()
	if err == tcg.ErrSigMissingGUID && !covered {
		covered = extract.DigestEquals(event, data[:len(data)-1]) == nil
	}
	switch {
	case !covered:
		return "not covered"
	case len(parsed.Certs) == 1:
		return certificateText(parsed.Certs[0].Raw)
	default:
		return "no certificate"
	}
}

func addGrub(facts Facts, bank string, hash crypto.Hash, events []tcg.Event) {
	grub, err := extract.GrubStateFromTPMLog(hash, events)
	if err != nil && err.Error() != "no GRUB measurements found" {
		facts[bankFact(bank, "grubCommands")] = notProven(err)
		return
	}
	var commands, files []string
	for _, command := range grub.GetCommands() {
		commands = append(commands, shown(strings.TrimRight(command, "\x00")))
	}
	for _, file := range grub.GetFiles() {
		name := strings.TrimRight(string(file.UntrustedFilename), "\x00")
		files = append(files, bank+":"+hex.EncodeToString(file.Digest)+" "+name)
	}
	facts[bankFact(bank, "grubCommands")] = list(commands)
	facts[bankFact(bank, "grubFiles")] = list(files)
	kernel, err := extract.LinuxKernelStateFromGRUB(grub)
	switch {
	case err != nil:
		facts[bankFact(bank, "kernelCommandLine")] = notProven(err)
	case kernel.CommandLine == "":
		facts[bankFact(bank, "kernelCommandLine")] = "none"
	default:
		facts[bankFact(bank, "kernelCommandLine")] = strings.TrimRight(kernel.CommandLine, "\x00")
	}
}

// firmwareVersion is EV_S_CRTM_VERSION: UTF-16, or something that is no text.
func firmwareVersion(platform *state.PlatformState) string {
	raw := platform.GetScrtmVersionId()
	if version, ok := platform.Firmware.(*state.PlatformState_GceVersion); ok {
		raw = wellknown.ConvertGCEFirmwareVersionToSCRTMVersion(version.GceVersion)
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	text := strings.TrimRight(string(utf16.Decode(units)), "\x00")
	if strings.ContainsFunc(text, func(character rune) bool { return character < ' ' || character > '~' }) {
		return "no text: " + hex.EncodeToString(raw)
	}
	return text
}
