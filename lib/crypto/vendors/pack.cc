// Makes the block that EndorsementBundle reads of PEM files, while Plimsoll is built:
//
//   pack ROOTS.pem INTERMEDIATES.pem WITHHELD OUTPUT
//
// WITHHELD lists roots that are shipped but not trusted, a SHA-256 of DER at the beginning of a
// line, the reason behind it. What cannot be read ends the build; an exact duplicate is left out.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

constexpr size_t kMaxBytes = 16U << 20U;
constexpr size_t kMaxCertificates = 8192;
constexpr size_t kDigestDigits = 64;

struct Packed {
  uint32_t subject_hash;
  Bytes der;
  bool anchor;
};

struct Pack {
  std::vector<Packed> certificates;
  std::set<std::string> known;     // SHA-256 of DER
  std::set<std::string> withheld;  // the same
};

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::set<std::string> ReadWithheld(const char* path) {
  std::set<std::string> digests;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.size() > kDigestDigits && line.front() != '#') {
      digests.insert(line.substr(0, kDigestDigits));
    }
  }
  return digests;
}

Status Add(const char* path, bool anchor, Pack& pack) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::vector<X509Ptr> certificates,
                            ReadPemCertificates(ReadFile(path), kMaxBytes, kMaxCertificates));
  if (certificates.empty()) {
    return Fail(ErrorCode::kNotFound, fmt::format("{} has no certificate", path));
  }
  for (const X509Ptr& certificate : certificates) {
    unsigned char* encoded = nullptr;
    const int size = i2d_X509(certificate.get(), &encoded);
    const OpenSslBytesPtr owner(encoded);
    if (size <= 0) {
      return OpenSslFailure("read a certificate");
    }
    Bytes der(encoded, encoded + size);
    const std::string sha256 = Sha256Hex(der);
    if (pack.withheld.count(sha256) != 0 || !pack.known.insert(sha256).second) {
      continue;
    }
    int ok = 0;
    const unsigned long hash =
        X509_NAME_hash_ex(X509_get_subject_name(certificate.get()), nullptr, nullptr, &ok);
    if (ok != 1 || (anchor && X509_check_ca(certificate.get()) == 0)) {
      return Fail(ErrorCode::kMalformed, fmt::format("{}: {} is no CA", path, sha256));
    }
    pack.certificates.push_back({static_cast<uint32_t>(hash), std::move(der), anchor});
  }
  return {};
}

void PutNumber(Bytes& block, size_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    block.push_back(static_cast<uint8_t>(number >> shift));
  }
}

Bytes MakeBlock(std::vector<Packed>& certificates) {
  std::stable_sort(certificates.begin(), certificates.end(),
                   [](const auto& a, const auto& b) { return a.subject_hash < b.subject_hash; });
  Bytes block = ToBytes(AsBytes("PLB1"));
  PutNumber(block, certificates.size());
  size_t offset = 8 + 16 * certificates.size();
  for (const Packed& certificate : certificates) {
    PutNumber(block, certificate.subject_hash);
    PutNumber(block, offset);
    PutNumber(block, certificate.der.size());
    PutNumber(block, certificate.anchor ? 1 : 0);
    offset += certificate.der.size();
  }
  for (const Packed& certificate : certificates) {
    Append(block, certificate.der);
  }
  return block;
}

Status Run(const std::vector<const char*>& arguments) {
  if (arguments.size() != 4) {
    return Fail(ErrorCode::kMalformed, "usage: pack ROOTS INTERMEDIATES WITHHELD OUTPUT");
  }
  Pack pack;
  pack.withheld = ReadWithheld(arguments[2]);
  PLIMSOLL_RETURN_IF_ERROR(Add(arguments[0], true, pack));
  PLIMSOLL_RETURN_IF_ERROR(Add(arguments[1], false, pack));
  const Bytes block = MakeBlock(pack.certificates);
  std::ofstream file(arguments[3], std::ios::binary);
  file.write(AsText(block).data(), static_cast<std::streamsize>(block.size()));
  file.close();
  return file ? Status() : Fail(ErrorCode::kInternal, "cannot write the block");
}

}  // namespace
}  // namespace plimsoll::crypto

int main(int argc, char** argv) {
  const auto status = plimsoll::crypto::Run({argv + 1, argv + argc});
  if (!status) {
    fmt::print(stderr, "pack: {}\n", status.error().message);
    return 1;
  }
  return 0;
}
