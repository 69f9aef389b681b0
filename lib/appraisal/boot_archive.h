#pragma once

#include "appraisal/boot_evidence.h"
#include "base/bytes.h"
#include "base/result.h"

// What a boot event log proved, as bytes that can be stored and judged again.
//
// The form is our own: a version byte, then the members of BootEvidence in the order of
// boot_archive.cc; numbers as LEB128, texts and byte strings with their length before them, lists
// with their count. It says nothing about who wrote it: keep it where only the controller writes.
namespace plimsoll::appraisal {

inline constexpr size_t kMaxBootArchiveBytes = size_t{64} * 1024;

Bytes ArchiveBootEvidence(const BootEvidence& boot);

// Fails with kMalformed on anything that ArchiveBootEvidence does not write: another version, a
// short read, trailing bytes, an unknown enumerator; with kTooLarge above kMaxBootArchiveBytes.
// Allocates no more than the bytes can hold.
Result<BootEvidence> ReadBootArchive(ByteSpan archive);

}  // namespace plimsoll::appraisal
