package differential

var bothGo = []string{goAttestation, goEventlog}

// Logs with something in common.
var (
	sha384Logs = []string{
		"go-attestation--coreos_36_shielded_vm_no_secure_boot_eventlog",
		"go-attestation--ubuntu_2104_shielded_vm_no_secure_boot_eventlog",
		"go-tpm-tools--cos-85-amd-sev.bin",
		"go-tpm-tools--rhel8-uefi.bin",
		"go-tpm-tools--ubuntu-1804-amd-sev.bin",
		"go-tpm-tools--ubuntu-2104-no-dbx.bin",
		"go-tpm-tools--ubuntu-2104-no-secure-boot.bin",
		"tpm2-tools--event-gce-ubuntu-2104-log.bin",
		"go-eventlog/cos-93-amd-sev.bin",
		"go-eventlog/cos-101-amd-sev.bin",
		"go-eventlog/sb_cert_eventlog",
		"go-eventlog/ubuntu-2404-amd-sevsnp.bin",
	}
	archLogs = []string{"go-tpm-tools--arch-linux-workstation.bin", "tpm2-tools--event-arch-linux.bin"}
	// One event of a boot each, and two of them declare banks that the event does not carry.
	oneEventLogs  = []string{"tpm2-tools--event-uefiaction.bin", "tpm2-tools--event-uefiservices.bin"}
	emptyBankLogs = []string{"tpm2-tools--event-uefiaction.bin", "tpm2-tools--event-uefivar.bin"}
)

// Reasons for several explanations.
const (
	whyUnannounced = "This firmware measured an application without, or before, the action that announces a boot attempt. " +
		"go-eventlog then lists none; a rule about boot loaders has to judge every image that PCR 4 holds."
	whyNoText = "The version of this firmware is a GUID or a structure, not a text. We show texts only."
	whyOff    = "Nothing of Secure Boot was measured into PCR 7. The peer reads the absence of the variable as off; " +
		"nothing proves on or off."
	whyEmptyBank = "The header declares SHA-384 and the events have no such digest: we give no value, the peer accepts none."
)

// explanations are the differences that are known, and who is right.
var explanations = []Explanation{
	// Replay and events.
	{
		Peers: []string{tpm2Eventlog}, Logs: []string{"keylime--binary_bios_measurements", "go-eventlog/glinux-alex.bin"},
		Facts: []string{"pcr sha1:0", "pcr sha256:0"}, Right: "plimsoll",
		Why: "tpm2_eventlog 5.4 begins PCR 0 at zero although the log says StartupLocality 3; go-attestation and go-eventlog agree with us.",
	},
	{
		Peers: bothGo, Logs: []string{"tpm2-tools--event-uefiaction.bin"}, Facts: []string{"pcr sha384:4"},
		Theirs: "another value", Right: "both", Why: whyEmptyBank,
	},
	{
		Peers: bothGo, Logs: []string{"tpm2-tools--event-uefivar.bin"}, Facts: []string{"pcr sha384:7"},
		Theirs: "another value", Right: "both", Why: whyEmptyBank,
	},
	{
		Peers: []string{goEventlog}, Logs: emptyBankLogs, Facts: []string{"banks"}, Ours: "sha512", Right: "both",
		Why: "The header declares SHA-512 too, which go-eventlog does not know and leaves out.",
	},
	{
		Peers: []string{tpm2Eventlog}, Logs: []string{"rust-keylime--uefi_log.bin"}, Facts: []string{"event 42"},
		Ours: "0x00008401", Theirs: "Unknown event type", Right: "both",
		Why: "The type has no name; we print its number, which tpm2_eventlog leaves out. PCR and digests are the same.",
	},

	// What is a log at all.
	{
		Peers: bothGo, Logs: []string{"go-eventlog/CCEL_unpadded.data.bin", "go-eventlog/cos-113-intel-tdx-dupe-separator-unpadded.bin"},
		Facts: []string{"parse"}, Ours: "refused: RuntimeRegisterLog", Theirs: Accepted, Right: "plimsoll",
		Why: "These are logs of runtime registers (CCEL), whose register numbers are no PCRs. The peers' parsers serve both kinds and leave it to the caller to know which.",
	},
	{
		Peers: []string{tpm2Eventlog}, Logs: []string{"go-eventlog/option_rom_eventlog"}, Facts: []string{"parse"},
		Ours: Accepted, Theirs: "segmentation fault", Right: "plimsoll",
		Why: "tpm2_eventlog 5.4 crashes on this log of a machine with option ROMs; go-attestation and go-eventlog read it as we do.",
	},
	{
		Peers: []string{tpm2Eventlog}, Logs: []string{"go-eventlog/short_no_action_eventlog"}, Facts: []string{"parse"},
		Ours: Accepted, Theirs: Refused, Right: "both",
		Why: "One EV_NO_ACTION event and nothing else. tpm2_eventlog takes any first EV_NO_ACTION for a broken header; we read a log of the old format, which proves nothing about any PCR.",
	},

	// Secure Boot.
	{
		Peers: []string{goAttestation}, Logs: sha384Logs, Facts: []string{"sha384 secureBoot"},
		Theirs: "cannot compare hash of length 48", Right: "plimsoll",
		Why: "go-attestation compares data with SHA-1 and SHA-256 digests only. In those banks, and in go-eventlog's SHA-384, the state is ours.",
	},
	{
		Peers: []string{goAttestation}, Logs: []string{"rust-keylime--uefi_log.bin"}, Facts: []string{"sha256 secureBoot"},
		Ours: "Disabled", Theirs: "unknown event type 0x8401", Right: "both",
		Why: "The event of unknown type is in PCR 2. go-attestation wants to know every event there before it says anything; Secure Boot is measured into PCR 7, where all is known.",
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"rust-keylime--uefi_log.bin"}, Facts: []string{"sha256 secureBoot"},
		Ours: "Disabled", Theirs: "endless recursion on event type 0x8401", Right: "plimsoll",
		Why: "go-eventlog calls itself without end on an event type that it has no name for (tcg.Event.UntrustedType), so the test does not ask it.",
	},
	{
		Peers: bothGo, Logs: oneEventLogs, Facts: []string{"sha1 secureBoot", "sha256 secureBoot"},
		Ours: "PCR 7 has no separator", Theirs: "Disabled", Right: "plimsoll", Why: whyOff,
	},
	{
		Peers: bothGo, Logs: []string{"go-eventlog/short_no_action_eventlog"}, Facts: []string{"sha1 secureBoot"},
		Ours: "PCR 7 has no separator", Theirs: "Disabled", Right: "plimsoll", Why: whyOff,
	},
	{
		Peers: bothGo, Logs: emptyBankLogs, Facts: []string{"sha384 secureBoot"},
		Ours: "the log has no replay in the bank sha384", Theirs: "Disabled", Right: "plimsoll", Why: whyOff,
	},
	{
		Peers: bothGo, Logs: []string{"go-eventlog/glinux-alex.bin"}, Facts: []string{"sha1 secureBoot", "sha256 secureBoot"},
		Ours: "Disabled", Theirs: "x509: negative serial number", Right: "plimsoll",
		Why: "Go does not parse the platform key's certificate, and the peers then say nothing at all. The variable SecureBoot is 0 and its digest covers it.",
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"go-eventlog/glinux-alex.bin"}, Facts: []string{"sha1 PK", "sha256 PK"},
		Ours: "certificate:", Theirs: "x509: negative serial number", Right: "plimsoll",
		Why: "We name a certificate by the SHA-256 of its bytes, which needs no parsing. Real platform keys have negative serial numbers.",
	},

	// Boot applications.
	{
		Peers: []string{goEventlog},
		Logs: append([]string{
			"keylime--binary_bios_measurements", "tpm2-tools--event-postcode.bin", "uefi-eventlog-rs--bootlog",
			"go-eventlog/glinux-alex.bin", "go-eventlog/sb_cert_eventlog"}, archLogs...),
		Facts:  []string{"sha1 bootApplications", "sha256 bootApplications"},
		Theirs: "before CallingEFIApp event", Right: "both", Why: whyUnannounced,
	},
	{
		Peers: []string{goEventlog},
		Logs: []string{
			"tpm2-tools--event-uefi-sha1-log.bin", "go-eventlog/ebs_event_missing_eventlog", "go-eventlog/option_rom_eventlog"},
		Facts: []string{"sha1 bootApplications"}, Theirs: "before CallingEFIApp event", Right: "both", Why: whyUnannounced,
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"go-eventlog/crypto_agile_eventlog"}, Facts: []string{"sha256 bootApplications"},
		Theirs: "before CallingEFIApp event", Right: "both", Why: whyUnannounced,
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"go-eventlog/sb_cert_eventlog"}, Facts: []string{"sha384 bootApplications"},
		Theirs: "before CallingEFIApp event", Right: "both", Why: whyUnannounced,
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"go-eventlog/debian-10.bin"}, Facts: []string{"sha1 bootApplications"},
		Ours: "sha1:", Theirs: "none", Right: "both",
		Why: "The log has no event of ExitBootServices, and go-eventlog lists applications only before one. Real firmware leaves it out; what PCR 4 holds is there to be judged all the same.",
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"tpm2-tools--event-uefiaction.bin"}, Facts: []string{"sha384 bootApplications"},
		Ours: "sha384:", Theirs: "none", Right: "both",
		Why: "Without a digest nothing shows that the event is the action that it says, so we list it as something that PCR 4 holds; no rule reads a bank without a replay.",
	},

	// Firmware, GRUB and the kernel.
	{
		Peers: []string{goEventlog}, Logs: append([]string{"tpm2-tools--event-postcode.bin"}, archLogs...),
		Facts: []string{"sha1 firmwareVersion", "sha256 firmwareVersion"}, Theirs: "no text: ", Right: "both", Why: whyNoText,
	},
	{
		Peers: []string{goEventlog},
		Logs: []string{
			"tpm2-tools--event-uefi-sha1-log.bin", "go-eventlog/ebs_event_missing_eventlog", "go-eventlog/option_rom_eventlog"},
		Facts: []string{"sha1 firmwareVersion"}, Theirs: "no text: ", Right: "both", Why: whyNoText,
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"go-eventlog/crypto_agile_eventlog"}, Facts: []string{"sha256 firmwareVersion"},
		Theirs: "no text: ", Right: "both", Why: whyNoText,
	},
	{
		Peers: []string{goEventlog}, Logs: archLogs, Facts: []string{"sha1 grubCommands", "sha256 grubCommands"},
		Ours: "initrd=", Theirs: "invalid prefix seen for PCR8 event", Right: "both",
		Why: "This machine boots without GRUB: the boot manager measured the kernel command line into PCR 8, which is no GRUB command.",
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"tpm2-tools--event-sd-boot-fedora37.bin"}, Facts: []string{"sha256 grubFiles"},
		Ours: "Linux initrd", Theirs: "none", Right: "both",
		Why: "This machine boots without GRUB; the kernel's stub measured the initrd into PCR 9, which go-eventlog leaves aside as none of GRUB's files.",
	},
	{
		Peers: []string{goEventlog}, Logs: []string{"tpm2-tools--event-sd-boot-fedora37.bin"}, Facts: []string{"sha256 kernelCommandLine"},
		Ours: "console=ttyS0", Theirs: "none", Right: "plimsoll",
		Why: "This machine boots without GRUB; systemd-stub measured the command line into PCR 12, which go-eventlog does not read.",
	},
}
