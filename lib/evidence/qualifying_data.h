#pragma once

#include <string_view>

#include "base/bytes.h"
#include "evidence/challenge.h"
#include "tcg/algorithm.h"
#include "tcg/name.h"

namespace plimsoll::evidence {

// The qualifying data that ties a quote to one challenge, one node, one key and one statement:
//
//   H( "plimsoll.dev/quote/v1" 0x00 ‖ nonce ‖ u16be(len) node UID ‖ u16be(len) AK Name ‖
//   SHA-256(statement) )
//
// with H the hash of the AK's signing scheme (`hash` must be a hash). Both ends compute it: the
// agent from what the challenge said, the controller from what it knows itself.
Bytes QualifyingData(tcg::AlgorithmId hash, const Nonce& nonce, std::string_view node_uid,
                     const tcg::Name& attestation_key, ByteSpan statement);

}  // namespace plimsoll::evidence
