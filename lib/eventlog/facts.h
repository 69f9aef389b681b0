#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/event_log.h"
#include "eventlog/guid.h"
#include "eventlog/problem.h"
#include "eventlog/signature_list.h"

// What a boot log proves, as values that outlive the log: they can be stored and judged again.
//
// All of it holds only if the replay of the same bank gave the quoted PCRs. Texts come from the
// log: escaped (valid UTF-8, no control characters) and bounded; `covered` says whether a digest
// vouches for them. What is not covered is for people to read and must never decide in favour of
// trust. A rule over a list that is `truncated` cannot pass.
namespace plimsoll::eventlog {

inline constexpr size_t kMaxFactsBytes = 64 * 1024;  // of all facts, written as compact JSON
inline constexpr size_t kMaxFactTextBytes = 256;     // of names and paths
inline constexpr size_t kMaxCommandLineBytes = 4096;

template <class T>
struct Bounded {
  std::vector<T> items;
  bool truncated = false;  // there were more than fit

  friend bool operator==(const Bounded&, const Bounded&) = default;
};

// Disabled is proven off. Unknown is not proven on, for the reason in `why`: a rule that requires
// Secure Boot fails on both.
enum class SecureBootState : uint8_t { kEnabled, kDisabled, kUnknown };

std::string_view ToString(SecureBootState state);  // "Enabled", "Disabled", "Unknown"

struct SecureBoot {
  SecureBootState state = SecureBootState::kUnknown;
  std::optional<uint32_t> event;  // the SecureBoot variable, or the event that spoils it
  EventType event_type = EventType::kUnused;  // of that event
  std::string check;  // "B1", "B2", "B3", "B5", "L2", "L11" when not Enabled
  std::string why;    // a sentence
  bool dma_protection_disabled = false;
  bool debug_mode = false;

  friend bool operator==(const SecureBoot&, const SecureBoot&) = default;
};

// One of PK, KEK, db, dbx, as measured into PCR 7 before its separator.
struct SignatureDatabase {
  std::optional<uint32_t> event;  // none: the variable is not in the log
  bool covered = false;           // the digest covers name and contents
  bool readable = false;          // covered, and its signature lists are sound
  Bounded<SignatureEntry> entries;

  // Whether rules may judge the entries.
  bool usable() const { return readable && !entries.truncated; }

  friend bool operator==(const SignatureDatabase&, const SignatureDatabase&) = default;
};

// An EV_EFI_VARIABLE_AUTHORITY of PCR 7: what let an image pass. Which image it was is not proven.
// Events of types that are no other reader's are listed too, since a type may be a lie.
struct Authority {
  uint32_t event = 0;
  std::string variable;  // "db", "Shim", "MokList", "vendor_db", "SbatLevel" ...
  Guid variable_guid;
  bool covered = false;                 // variable, guid and entry are proven
  bool before_separator = false;        // used for option ROMs and drivers
  std::optional<SignatureEntry> entry;  // the certificate or hash; only when covered and readable
  Bytes digest;

  friend bool operator==(const Authority&, const Authority&) = default;
};

enum class Role : uint8_t {
  kFirmware,
  kOptionRom,
  kBootLoader,
  kKernel,
  kInitRd,
  kUki,
  kDriver,
  kOther,
};

std::string_view ToString(Role role);  // "Firmware", "OptionROM", "BootLoader", "InitRD" ...
std::optional<Role> RoleFromName(std::string_view name);

// Something that was loaded. The role comes from the PCR: whatever PCR 4 holds beside separators
// and actions is a BootLoader (kernels that firmware loads too) or Driver, whatever PCR 2 holds is
// an OptionROM, PCR 0 is Firmware, PCR 11 is UKI. Between BootLoader and Driver only the uncovered
// type tells; a rule therefore asks MayHave. In PCR 9 nothing but an uncovered name tells kernel,
// initrd and configuration apart: `role_proven` is false, and a rule about Kernel or InitRD must
// not take the absence of such a component, or of a bad one, as proof.
struct Component {
  Role role = Role::kOther;
  bool role_proven = false;
  uint32_t pcr = 0;
  uint32_t event = 0;
  EventType type = EventType::kUnused;
  Bytes digest;      // in the bank of the facts; Authenticode for images in PCR 2 and 4
  std::string name;  // "\EFI\debian\grubx64.efi", "/vmlinuz", ".linux": a hint
  bool name_covered = false;

  // Whether a rule about components of this role must judge it, whatever the log calls it.
  bool MayHave(Role asked) const;

  friend bool operator==(const Component&, const Component&) = default;
};

// Where a command line comes from.
enum class CommandLineSource : uint8_t {
  kGrubKernel,        // PCR 8 "kernel_cmdline: ": file name and arguments; the label is not covered
  kGrubLinuxCommand,  // PCR 8, the covered GRUB command "linux FILE ARGUMENTS": begins with FILE
  kStub,              // PCR 12, text that systemd-stub hands to the kernel
  kKernelStub,        // PCR 9, load options seen by the kernel's own stub: digest only
};

std::string_view ToString(CommandLineSource source);

// One kernel command line. The label "kernel_cmdline: " is not covered by the digest, the words of
// a GRUB command are; therefore both are listed, must-not rules judge every line, and facts have a
// Problem (B7) when a kernel_cmdline is not the one of the linux command before it.
struct CommandLine {
  uint32_t event = 0;
  EventType type = EventType::kUnused;  // of the event
  uint32_t pcr = 0;
  CommandLineSource source = CommandLineSource::kGrubKernel;
  bool covered = false;
  bool truncated = false;  // `text` was longer; a rule over it cannot pass
  std::string text;
  Bytes digest;

  friend bool operator==(const CommandLine&, const CommandLine&) = default;
};

// A GRUB command (PCR 8), or another short text of the log.
struct BootText {
  uint32_t event = 0;
  uint32_t pcr = 0;
  bool covered = false;
  std::string name;  // for named values: "SbatLevel"
  std::string text;

  friend bool operator==(const BootText&, const BootText&) = default;
};

// MokList, MokListX, MokListTrusted of shim (PCR 14). The name is an uncovered hint; the order of
// shim's events is fixed.
struct MokVariable {
  uint32_t event = 0;
  std::string name;
  Bytes digest;

  friend bool operator==(const MokVariable&, const MokVariable&) = default;
};

// A section of a unified kernel image (PCR 11). systemd-stub extends its name, then its contents;
// the name is recognised by its digest and therefore proven.
struct UkiSection {
  std::string name;    // ".linux"
  uint32_t event = 0;  // of the contents
  Bytes digest;        // of the contents

  friend bool operator==(const UkiSection&, const UkiSection&) = default;
};

struct Partition {
  Guid type;
  Guid id;
  std::string name;

  friend bool operator==(const Partition&, const Partition&) = default;
};

// The partition table of the boot disk (EV_EFI_GPT_EVENT, PCR 5), when covered.
struct PartitionTable {
  uint32_t event = 0;
  Guid disk;
  Bounded<Partition> partitions;

  friend bool operator==(const PartitionTable&, const PartitionTable&) = default;
};

struct BootFacts {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  Format format = Format::kCryptoAgile;
  uint32_t event_count = 0;
  std::optional<uint8_t> startup_locality;
  uint32_t pcrs_with_events = 0;  // bit i: some event extends PCR i

  SecureBoot secure_boot;
  SignatureDatabase pk;
  SignatureDatabase kek;
  SignatureDatabase db;
  SignatureDatabase dbx;
  Bounded<Authority> authorities;
  Bounded<Component> components;
  Bounded<CommandLine> command_lines;
  Bounded<BootText> grub_commands;
  Bounded<MokVariable> mok_variables;
  std::optional<BootText> sbat_level;  // covered, else it is not here
  Bounded<UkiSection> uki_sections;
  Bounded<BootText> stub_events;  // PCR 12 and 13: overrides, credentials, extensions
  std::optional<PartitionTable> partition_table;
  std::string firmware_version;  // EV_S_CRTM_VERSION, when covered
  Bounded<Problem> problems;

  // Whether any list is that rules judge; GRUB commands are for people.
  bool truncated() const;

  // The problems that a rule reading this PCR must know, of at least this severity.
  const Problem* FirstProblem(uint32_t pcr, Severity severity) const&;
  const Problem* FirstProblem(uint32_t pcr, Severity severity) const&& = delete;

  friend bool operator==(const BootFacts&, const BootFacts&) = default;
};

// Reads the facts by the digests of one bank, which should be one that HasReplay; in another bank
// nothing is covered. Never fails: what cannot be read is absent and has a Problem.
BootFacts ReadFacts(const EventLog& log, tcg::AlgorithmId bank);

}  // namespace plimsoll::eventlog
