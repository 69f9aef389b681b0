package differential

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/google/go-attestation/attest"
)

const goAttestation = "go-attestation v0.6.1"

var hashes = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384}

// goAttestationFacts are what go-attestation says. Its Verify takes PCR values and says whether the log gives them: it
// is asked with the values of `ours`, and it must refuse them with one bit changed.
func goAttestationFacts(log []byte, ours Facts) Facts {
	parsed, err := attest.ParseEventLog(log)
	if err != nil {
		return Facts{"parse": Refused}
	}
	facts := Facts{"parse": Accepted}
	var banks []string
	for _, algorithm := range parsed.Algs {
		banks = append(banks, bankName(uint16(algorithm)))
	}
	facts["banks"] = list(banks)
	addGoAttestationEvents(facts, parsed, headerEvents(log))
	for _, bank := range banks {
		if hashes[bank] == 0 {
			continue
		}
		var pcrs []attest.PCR
		for pcr := 0; pcr < 24; pcr++ {
			name := pcrFact(bank, pcr)
			value := replayed(ours[name], hashes[bank].Size(), func(digest []byte) (int, bool) {
				events, err := parsed.Verify([]attest.PCR{{Index: pcr, Digest: digest, DigestAlg: hashes[bank]}})
				return len(events), err == nil
			})
			facts[name] = value
			if digest, err := hex.DecodeString(value); err == nil && value != "" {
				pcrs = append(pcrs, attest.PCR{Index: pcr, Digest: digest, DigestAlg: hashes[bank]})
			}
		}
		addGoAttestationSecureBoot(facts, parsed, bank, pcrs)
	}
	return facts
}

// addGoAttestationEvents gives events our numbers: go-attestation leaves out the header of a crypto-agile log.
func addGoAttestationEvents(facts Facts, log *attest.EventLog, skipped int) {
	perBank := map[string][]attest.Event{
		"sha1": log.Events(attest.HashSHA1), "sha256": log.Events(attest.HashSHA256), "sha384": log.Events(attest.HashAlg(0x0C))}
	for i, event := range perBank["sha1"] {
		digests := map[string]string{}
		for bank, events := range perBank {
			digests[bank] = hex.EncodeToString(events[i].Digest)
		}
		facts[eventFact(i+skipped)] = eventText(uint32(event.Index), eventTypeName(uint32(event.Type)), digests)
	}
}

func addGoAttestationSecureBoot(facts Facts, log *attest.EventLog, bank string, pcrs []attest.PCR) {
	events, err := log.Verify(pcrs)
	if err != nil {
		return
	}
	state, err := attest.ParseSecurebootState(events)
	if err != nil {
		facts[bankFact(bank, "secureBoot")] = notProven(err)
		return
	}
	facts[bankFact(bank, "secureBoot")] = onOrOff(state.Enabled)
	facts[bankFact(bank, "PK")] = set(signatures(state.PlatformKeys, state.PlatformKeyHashes))
	facts[bankFact(bank, "KEK")] = set(signatures(state.ExchangeKeys, state.ExchangeKeyHashes))
	facts[bankFact(bank, "db")] = set(signatures(state.PermittedKeys, state.PermittedHashes))
	facts[bankFact(bank, "dbx")] = set(signatures(state.ForbiddenKeys, state.ForbiddenHashes))
}

// replayed asks a peer about one PCR. `ours` is our value, "" where no event extends the PCR; the answer is the same
// text when the peer agrees.
func replayed(ours string, size int, verify func(digest []byte) (events int, ok bool)) string {
	digest := make([]byte, size)
	if ours != "" {
		copy(digest, mustDecode(ours))
	}
	events, ok := verify(digest)
	changed := append([]byte(nil), digest...)
	changed[0] ^= 1
	_, okChanged := verify(changed)
	switch {
	case ok && events == 0:
		return ""
	case ok && okChanged:
		return fmt.Sprintf("any value of %d events", events)
	case ok:
		return hex.EncodeToString(digest)
	default:
		return "another value"
	}
}

func signatures(certificates []x509.Certificate, hashes [][]byte) []string {
	var entries []string
	for _, certificate := range certificates {
		entries = append(entries, certificateText(certificate.Raw))
	}
	for _, hash := range hashes {
		entries = append(entries, "sha256:"+hex.EncodeToString(hash))
	}
	return entries
}

func certificateText(der []byte) string {
	digest := sha256.Sum256(der)
	return "certificate:" + hex.EncodeToString(digest[:])
}

func onOrOff(enabled bool) string {
	if enabled {
		return "Enabled"
	}
	return "Disabled"
}

// headerEvents is 1 for a log that begins with "Spec ID Event03", which peers do not list as an event.
func headerEvents(log []byte) int {
	const dataAt = 32
	if len(log) > dataAt+15 && string(log[dataAt:dataAt+15]) == "Spec ID Event03" {
		return 1
	}
	return 0
}

func bankName(algorithm uint16) string {
	names := map[uint16]string{0x04: "sha1", 0x0B: "sha256", 0x0C: "sha384", 0x0D: "sha512", 0x12: "sm3_256"}
	if name, known := names[algorithm]; known {
		return name
	}
	return fmt.Sprintf("0x%04x", algorithm)
}

func mustDecode(text string) []byte {
	bytes, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}
