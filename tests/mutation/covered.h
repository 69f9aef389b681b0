#pragma once

#include "evidence/bundle.h"

namespace plimsoll::fakes {

// Whether two bundles differ at most in what nothing vouches for: white space, members that nobody
// reads, the node's name, hints of certificates, the order of PCR values, leading zeros of a
// signature and its valid twin, encodings around what a CA signed. An endorsement that is missing
// altogether is among them too: identity is then not judged, and a finding says so.
bool SameCoveredParts(const evidence::BundleDocument& a, const evidence::BundleDocument& b);

// What the issuer of a certificate signed (tbsCertificate); empty when it cannot be found.
ByteSpan SignedPart(ByteSpan der);

// Whether `part` stands somewhere in `bytes`. Nothing does not.
bool Holds(ByteSpan bytes, ByteSpan part);

}  // namespace plimsoll::fakes
