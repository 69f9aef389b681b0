#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/digest.h"
#include "eventlog/event_log.h"
#include "eventlog/guid.h"
#include "tcg/algorithm.h"

// Boot event logs that tests put together event by event, or take apart and change.
namespace plimsoll::fakes {

using eventlog::EventType;

inline void AppendLittleEndian(Bytes& to, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    to.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
}

inline Bytes Utf16(std::string_view ascii) {
  Bytes bytes;
  for (const char c : ascii) {
    bytes.push_back(static_cast<uint8_t>(c));
    bytes.push_back(0);
  }
  return bytes;
}

// UEFI_VARIABLE_DATA.
inline Bytes VariableData(std::string_view guid, std::string_view name, ByteSpan contents) {
  Bytes data(16);
  const auto parsed = eventlog::GuidFromText(guid);
  std::copy(parsed.bytes.begin(), parsed.bytes.end(), data.begin());
  AppendLittleEndian(data, name.size(), 8);
  AppendLittleEndian(data, contents.size(), 8);
  Append(data, Utf16(name));
  Append(data, contents);
  return data;
}

inline constexpr std::string_view kGlobalGuid = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
inline constexpr std::string_view kSecurityGuid = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
inline constexpr std::string_view kShimGuid = "605dab50-e046-4300-abb6-3dd810dd8b23";
inline constexpr std::string_view kOwnerGuid = "77fa9abd-0359-4d32-bd60-28f4e78f784b";
inline constexpr std::string_view kSha256ListGuid = "c1c41626-504c-4092-aca9-41f936934328";
inline constexpr std::string_view kCertificateListGuid = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072";

// An EFI_SIGNATURE_LIST of that type whose entries have one size.
inline Bytes SignatureList(std::string_view type, const std::vector<Bytes>& values,
                           ByteSpan header = {}) {
  const size_t size = 16 + (values.empty() ? 32 : values.front().size());
  Bytes list(16);
  const auto guid = eventlog::GuidFromText(type);
  std::copy(guid.bytes.begin(), guid.bytes.end(), list.begin());
  AppendLittleEndian(list, 28 + header.size() + values.size() * size, 4);
  AppendLittleEndian(list, header.size(), 4);
  AppendLittleEndian(list, size, 4);
  Append(list, header);
  for (const Bytes& value : values) {
    const auto owner = eventlog::GuidFromText(kOwnerGuid);
    Append(list, owner.bytes);
    Append(list, value);
  }
  return list;
}

// What looks like a certificate in DER: a SEQUENCE of that many bytes.
inline Bytes FakeCertificate(uint8_t fill, size_t size = 300) {
  Bytes der(size, fill);
  der[0] = 0x30;
  der[1] = 0x82;
  der[2] = static_cast<uint8_t>((size - 4) >> 8U);
  der[3] = static_cast<uint8_t>(size - 4);
  return der;
}

// UEFI_IMAGE_LOAD_EVENT with one file path node.
inline Bytes ImageData(std::string_view path) {
  Bytes node = {0x04, 0x04};
  AppendLittleEndian(node, 4 + 2 * path.size() + 2, 2);
  Append(node, Utf16(path));
  Append(node, Bytes{0, 0});
  Append(node, Bytes{0x7F, 0xFF, 4, 0});
  Bytes data;
  AppendLittleEndian(data, 0x1000, 8);
  AppendLittleEndian(data, 0x2000, 8);
  AppendLittleEndian(data, 0, 8);
  AppendLittleEndian(data, node.size(), 8);
  Append(data, node);
  return data;
}

class EventLogBuilder {
 public:
  struct Event {
    uint32_t pcr;
    EventType type;
    std::map<uint16_t, Bytes> digests;  // by TPM_ALG_ID
    Bytes data;
  };

  explicit EventLogBuilder(std::vector<tcg::AlgorithmId> banks = {tcg::AlgorithmId::kSha256})
      : banks_(std::move(banks)) {}

  // A log without a header, in SHA-1.
  static EventLogBuilder Tpm12() {
    EventLogBuilder builder({tcg::AlgorithmId::kSha1});
    builder.tpm12_ = true;
    return builder;
  }

  // A crypto-agile log, or one of the TPM 1.2 form, taken apart.
  static EventLogBuilder From(ByteSpan bytes) {
    const auto log = eventlog::EventLog::Parse(bytes);
    EXPECT_TRUE(log.has_value());
    EventLogBuilder builder(std::vector<tcg::AlgorithmId>{});
    builder.tpm12_ = log->format() == eventlog::Format::kTpm12;
    for (const eventlog::Bank& bank : log->banks()) {
      builder.banks_.push_back(*bank.algorithm);
    }
    for (const eventlog::Event& event : log->events().subspan(builder.tpm12_ ? 0 : 1)) {
      Event copy{event.pcr, event.type, {}, ToBytes(event.data)};
      for (const tcg::AlgorithmId bank : builder.banks_) {
        if (const ByteSpan digest = log->DigestOf(event, bank); !digest.empty()) {
          copy.digests[static_cast<uint16_t>(bank)] = ToBytes(digest);
        }
      }
      builder.events.push_back(std::move(copy));
    }
    return builder;
  }

  // An event whose digests are those of `hashed`, which is the data unless it is given.
  EventLogBuilder& Add(uint32_t pcr, EventType type, ByteSpan data, ByteSpan hashed) {
    Event event{pcr, type, {}, ToBytes(data)};
    for (const tcg::AlgorithmId bank : banks_) {
      event.digests[static_cast<uint16_t>(bank)] = crypto::Digest(bank, {hashed});
    }
    events.push_back(std::move(event));
    return *this;
  }
  EventLogBuilder& Add(uint32_t pcr, EventType type, ByteSpan data) {
    return Add(pcr, type, data, data);
  }
  EventLogBuilder& AddText(uint32_t pcr, EventType type, std::string_view text) {
    return Add(pcr, type, AsBytes(text));
  }

  // EV_NO_ACTION with digests of zeros.
  EventLogBuilder& AddNoAction(uint32_t pcr, ByteSpan data) {
    Event event{pcr, EventType::kNoAction, {}, ToBytes(data)};
    for (const tcg::AlgorithmId bank : banks_) {
      event.digests[static_cast<uint16_t>(bank)] = Bytes(tcg::DigestSize(bank));
    }
    events.push_back(std::move(event));
    return *this;
  }

  EventLogBuilder& AddStartupLocality(uint8_t locality, uint32_t pcr = 0) {
    Bytes data = ToBytes(AsBytes("StartupLocality"));
    data.push_back(0);
    data.push_back(locality);
    return AddNoAction(pcr, data);
  }

  EventLogBuilder& AddVariable(std::string_view guid, std::string_view name, ByteSpan contents,
                               uint32_t pcr = 7) {
    return Add(pcr, EventType::kEfiVariableDriverConfig, VariableData(guid, name, contents));
  }

  EventLogBuilder& AddAuthority(std::string_view guid, std::string_view name, ByteSpan contents) {
    return Add(7, EventType::kEfiVariableAuthority, VariableData(guid, name, contents));
  }

  EventLogBuilder& AddSeparator(uint32_t pcr, uint32_t value = 0) {
    Bytes data;
    AppendLittleEndian(data, value, 4);
    return Add(pcr, EventType::kSeparator, data);
  }

  // An image whose Authenticode digest is that of `image`.
  EventLogBuilder& AddImage(uint32_t pcr, std::string_view path, std::string_view image,
                            EventType type = EventType::kEfiBootServicesApplication) {
    return Add(pcr, type, ImageData(path), AsBytes(image));
  }

  // What GRUB measures into PCR 8: the text behind the label, without the NUL that ends the data.
  EventLogBuilder& AddGrub(std::string_view label, std::string_view text) {
    Bytes data = ToBytes(AsBytes(label));
    Append(data, AsBytes(text));
    data.push_back(0);
    return Add(8, EventType::kIpl, data, AsBytes(text));
  }

  // A file that GRUB read: the data is its name.
  EventLogBuilder& AddGrubFile(std::string_view name, std::string_view contents) {
    Bytes data = ToBytes(AsBytes(name));
    data.push_back(0);
    return Add(9, EventType::kIpl, data, AsBytes(contents));
  }

  // A section of a unified kernel image: its name, then its contents.
  EventLogBuilder& AddUkiSection(std::string_view name, std::string_view contents) {
    Bytes measured = ToBytes(AsBytes(name));
    measured.push_back(0);
    Add(11, EventType::kIpl, Utf16(name), measured);
    return Add(11, EventType::kIpl, Utf16(name), AsBytes(contents));
  }

  // The header alone, TCG_PCR_EVENT with TCG_EfiSpecIDEvent.
  Bytes Header() const {
    Bytes spec = ToBytes(AsBytes("Spec ID Event03"));
    spec.push_back(0);
    AppendLittleEndian(spec, 0, 4);
    Append(spec, Bytes{0, 2, 0, 2});
    AppendLittleEndian(spec, banks_.size(), 4);
    for (const tcg::AlgorithmId bank : banks_) {
      AppendLittleEndian(spec, static_cast<uint16_t>(bank), 2);
      AppendLittleEndian(spec, tcg::DigestSize(bank), 2);
    }
    spec.push_back(0);
    return Header(spec);
  }

  // A header event around any data.
  static Bytes Header(ByteSpan data) {
    Bytes bytes;
    AppendLittleEndian(bytes, 0, 4);
    AppendLittleEndian(bytes, static_cast<uint32_t>(EventType::kNoAction), 4);
    Append(bytes, Bytes(20));
    AppendLittleEndian(bytes, data.size(), 4);
    Append(bytes, data);
    return bytes;
  }

  // One event as it stands in the log.
  Bytes Encode(const Event& event) const {
    Bytes bytes;
    AppendLittleEndian(bytes, event.pcr, 4);
    AppendLittleEndian(bytes, static_cast<uint32_t>(event.type), 4);
    if (!tpm12_) {
      AppendLittleEndian(bytes, event.digests.size(), 4);
    }
    for (const auto& [algorithm, digest] : event.digests) {
      if (!tpm12_) {
        AppendLittleEndian(bytes, algorithm, 2);
      }
      Append(bytes, digest);
    }
    AppendLittleEndian(bytes, event.data.size(), 4);
    Append(bytes, event.data);
    return bytes;
  }

  Bytes Build() const {
    Bytes bytes = tpm12_ ? Bytes() : Header();
    for (const Event& event : events) {
      Append(bytes, Encode(event));
    }
    return bytes;
  }

  // The events behind the header, free to be changed.
  std::vector<Event> events;

 private:
  std::vector<tcg::AlgorithmId> banks_;
  bool tpm12_ = false;
};

// A boot with Secure Boot, shim and GRUB as most distributions have it. Event numbers, which count
// the header as 0, are below.
inline EventLogBuilder SecureBootLog(std::vector<tcg::AlgorithmId> banks = {
                                         tcg::AlgorithmId::kSha256}) {
  EventLogBuilder log(std::move(banks));
  const Bytes on = {1};
  log.Add(0, EventType::kSCrtmVersion, Utf16("fw 1.0"));  // 1
  log.AddVariable(kGlobalGuid, "SecureBoot", on);         // 2
  log.AddVariable(kGlobalGuid, "PK",
                  SignatureList(kCertificateListGuid, {FakeCertificate(1)}));  // 3
  log.AddVariable(kGlobalGuid, "KEK",
                  SignatureList(kCertificateListGuid, {FakeCertificate(2)}));  // 4
  log.AddVariable(kSecurityGuid, "db",
                  SignatureList(kCertificateListGuid, {FakeCertificate(3)}));  // 5
  log.AddVariable(kSecurityGuid, "dbx",
                  SignatureList(kSha256ListGuid, {Bytes(32, 0xA1), Bytes(32, 0xA2)}));  // 6
  log.AddSeparator(7);                                                                  // 7
  log.AddText(4, EventType::kEfiAction, "Calling EFI Application from Boot Option");    // 8
  for (uint32_t pcr = 0; pcr < 7; ++pcr) {
    log.AddSeparator(pcr);  // 9 to 15
  }
  Bytes authority = ToBytes(eventlog::GuidFromText(kOwnerGuid).bytes);
  Append(authority, FakeCertificate(3));
  log.AddAuthority(kSecurityGuid, "db", authority);                        // 16
  log.AddImage(4, "\\EFI\\debian\\shimx64.efi", "shim");                   // 17
  log.AddAuthority(kShimGuid, "SbatLevel", AsBytes("sbat,1,2023012900"));  // 18
  log.AddImage(4, "\\EFI\\debian\\grubx64.efi", "grub");                   // 19
  log.AddGrubFile("(hd0,gpt1)/grub/grub.cfg", "config");                   // 20
  log.AddGrub("grub_cmd: ", "set timeout=5");                              // 21
  log.AddGrub("grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet");     // 22
  log.AddGrubFile("/vmlinuz", "kernel");                                   // 23
  log.AddImage(4, "", "kernel");                                           // 24
  log.AddGrub("kernel_cmdline: ", "/vmlinuz root=/dev/sda1 ro quiet");     // 25
  log.AddGrubFile("/initrd.img", "initrd");                                // 26
  log.AddText(5, EventType::kEfiAction, "Exit Boot Services Invocation");  // 27
  return log;
}

inline constexpr uint32_t kSecureBootEvent = 2;
inline constexpr uint32_t kDbxEvent = 6;
inline constexpr uint32_t kFence7Event = 7;
inline constexpr uint32_t kDbAuthorityEvent = 16;
inline constexpr uint32_t kShimEvent = 17;
inline constexpr uint32_t kGrubEvent = 19;
inline constexpr uint32_t kLinuxCommandEvent = 22;
inline constexpr uint32_t kKernelCommandLineEvent = 25;

}  // namespace plimsoll::fakes
