#include "crypto/names.h"

#include <cstdlib>

#include "crypto/digest.h"
#include "tcg/writer.h"

namespace plimsoll::crypto {
namespace {

constexpr uint32_t kEndorsementHierarchy = 0x4000000B;  // TPM_RH_ENDORSEMENT

Bytes TaggedDigest(tcg::AlgorithmId hash, std::initializer_list<ByteSpan> parts) {
  return tcg::Writer().Algorithm(hash).Raw(Digest(hash, parts)).Take();
}

tcg::QualifiedName QualifiedNameBelow(ByteSpan parent, const tcg::Name& name) {
  auto qualified =
      tcg::QualifiedName::FromBytes(TaggedDigest(name.algorithm(), {parent, name.bytes()}));
  if (!qualified) {
    std::abort();
  }
  return *std::move(qualified);
}

}  // namespace

tcg::Name ComputeName(const tcg::PublicArea& public_area) {
  auto name =
      tcg::Name::FromBytes(TaggedDigest(public_area.name_algorithm(), {public_area.bytes()}));
  if (!name) {
    std::abort();
  }
  return *std::move(name);
}

tcg::QualifiedName QualifiedNameOfEndorsementPrimary(const tcg::Name& name) {
  return QualifiedNameBelow(tcg::Writer().U32(kEndorsementHierarchy).bytes(), name);
}

tcg::QualifiedName QualifiedNameOfChild(const tcg::QualifiedName& parent, const tcg::Name& name) {
  return QualifiedNameBelow(parent.bytes(), name);
}

}  // namespace plimsoll::crypto
