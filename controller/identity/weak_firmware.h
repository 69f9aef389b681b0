#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "controller/objects.h"
#include "kube/lookup.h"
#include "policy/firmware_version.h"

// TPM firmware that is publicly known to be weak. A warning for people, in the condition
// FirmwareWeak, an Event and a metric: it decides nothing. What decides is a policy's
// tpm.firmwareFloor and an authority's `denied`.
namespace plimsoll::controller::identity {

// One weakness of one maker's firmware.
struct FirmwareWeakness {
  std::string_view id;            // CVE-2017-15361
  std::string_view title;         // a few words
  std::string_view manufacturer;  // TCG vendor id
  std::string_view source;        // URL of the maker's or a vendor's advisory that names the range

  // Both ends included; ReadVersionBound (crypto/endorsement_version.h): "7" begins at 7.0.0.0 and
  // ends at 7.65535.65535.65535.
  struct Range {
    std::string_view from;
    std::string_view to;
  };
  std::span<const Range> ranges;
};

// All that is known here. Only ranges that an advisory states in the numbers that a TPM reports.
// Left out because nobody states them so:
//   CVE-2019-11090 (TPM-FAIL, Intel PTT): Intel names versions of CSME, SPS and TXE, which are not
//       what PTT reports as its own
//   CVE-2023-1017 and -1018, CVE-2025-2884 in AMD's firmware TPM: AMD names AGESA versions
//   CVE-2025-2884 in TPMs of Infineon and ST: no advisory with a range was found
//   CVE-2023-1018 in hardware TPMs: no maker names one
//   libtpms (swtpm): reports the date of the reference code, the same before and after its fixes
std::span<const FirmwareWeakness> KnownFirmwareWeaknesses();

// Those of this TPM: by `present`, the version that the TPM signs; without one by what the EK
// certificate says, the firmware at manufacture, if that is precise enough to be sure. In the order
// of the table.
std::vector<const FirmwareWeakness*> WeaknessesOf(
    std::string_view manufacturer, const std::optional<policy::FirmwareVersion>& present,
    std::string_view certificate_version);

// Brings the condition FirmwareWeak up to date: True names every weakness, False says that none is
// known; not there while the firmware is not known. `quoted`: status.clock.firmwareVersion of the
// node's NodeAttestation, empty where there is none; then what the TPM said at its enrolment
// counts. Returns whether the firmware has become weak.
bool SetFirmwareWeak(TpmIdentity& identity, std::string_view quoted, WallTime now);

// How many Nodes have a TPM whose FirmwareWeak is True.
size_t CountWeakFirmware(const Lookup<Node>& nodes, const Lookup<TpmIdentity>& identities);

}  // namespace plimsoll::controller::identity
