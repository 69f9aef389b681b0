#pragma once

#include <span>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "crypto/attestation_key.h"
#include "node-agent/attest/tpm_access.h"
#include "node-agent/collect/host_facts.h"
#include "node-agent/collect/host_logs.h"

namespace plimsoll::attest {

struct BundleOptions {
  std::string node_name;
  std::vector<crypto::KeyProfile> profiles;  // in order of preference
  collect::HostFiles host_files;
  collect::LogFiles log_files;
};

// An evidence bundle of this machine, made without a controller: a quote over PCR 0 to 15 and 23 of
// every bank but sha1 (of sha1 where there is nothing else) for a nonce of its own, with the boot
// event log, the IMA list and the endorsement. Its attestation key is another than in any cluster,
// and its nonce proves no freshness to anybody else: a bundle is for learning and for looking.
//
// The IMA list may grow under the quote: then it is done again, a few times (kUnavailable).
Result<std::string> MakeBundle(const BundleOptions& options, TpmAccess& tpm, Random& random);

}  // namespace plimsoll::attest
