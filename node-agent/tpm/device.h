#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "node-agent/tpm/return_code.h"
#include "tcg/pcr_selection.h"
#include "tcg/public_area.h"

// node-agent/tpm is everything that speaks to the TPM, and the only user of tpm2-tss. It knows TPM
// commands and the TCG's conventions about endorsement keys; it knows no controller and no
// protocol. No tss2 type appears in a header that another module includes. An answer of the TPM is
// foreign input like any other: sizes are checked, and lists have ends.

namespace plimsoll::tpm {

class Esys;

// A key that the TPM holds for us. Flushed by the destructor when it is a transient object, so that
// no handle is left behind; a persistent one stays. Keeps the connection of its Device open.
class Key {
 public:
  Key(Key&&) noexcept = default;
  Key& operator=(Key&& other) noexcept;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key();

  const tcg::PublicArea& public_area() const { return public_area_; }
  bool persistent() const { return persistent_; }

 private:
  friend class Device;
  Key(std::shared_ptr<Esys> esys, uint32_t handle, bool persistent, tcg::PublicArea public_area)
      : esys_(std::move(esys)),
        handle_(handle),
        persistent_(persistent),
        public_area_(std::move(public_area)) {}
  void Release();

  std::shared_ptr<Esys> esys_;  // null when moved from
  uint32_t handle_;             // ESYS_TR
  bool persistent_;
  tcg::PublicArea public_area_;
};

// What the TPM says about itself. Texts are printable ASCII.
struct Properties {
  std::string manufacturer;           // TCG vendor id, "IFX"
  std::string vendor;                 // the four vendor strings, "SLB9672"
  std::string firmware_version;       // "A.B.C.D", the four 16-bit fields
  std::string spec_revision;          // "1.59"
  tcg::PcrSelection banks;            // the allocated PCR banks with a hash that we know
  bool endorsement_enabled = false;   // the endorsement hierarchy can be used
  bool endorsement_auth_set = false;  // it has a password that is not empty
  bool in_lockout = false;            // dictionary attack protection is active
};

enum class HandleKind : uint8_t { kTransient, kLoadedSession, kSavedSession, kPersistent };

// A TPM2_Quote as the TPM gave it.
struct QuoteBytes {
  Bytes attest;     // TPMS_ATTEST
  Bytes signature;  // TPMT_SIGNATURE
};

struct PcrValue {
  tcg::AlgorithmId bank;
  uint32_t index;
  Bytes digest;
};

// A connection to a TPM 2.0 through ESAPI.
//
// Every function sends one or a few commands and may block for Options::command_timeout each. For
// one thread at a time. Errors say what to do next (return_code.h): after Retry::kReconnect the
// Device is of no more use and is opened anew. Never changes anything in the TPM that outlives the
// connection, never tries a password, never calls TPM2_Startup.
class Device {
 public:
  struct Options {
    // For one command, where the TCTI can tell (sockets); a kernel driver has its own deadlines,
    // of minutes for the making of a key.
    std::chrono::milliseconds command_timeout = std::chrono::minutes(2);
    // Once requested, a command that is not answered within a moment fails with kUnavailable; the
    // next ones may still be sent, so that objects can be flushed.
    std::stop_token stop;
    std::function<void(ErrorClass)> on_error;  // each command that failed; may be empty
  };

  // `tcti`: a TCTI string of tpm2-tss ("device:/dev/tpmrm0", "swtpm:host=127.0.0.1,port=2321"), or
  // "auto" for the kernel's resource manager, else the bare device. kNotFound when there is no
  // such device node; kUnavailable when it does not open.
  static Result<std::unique_ptr<Device>> Open(const std::string& tcti, Options options);
  ~Device();

  const std::string& tcti() const { return tcti_; }  // never "auto"

  // Whether others can use the TPM while this is open: true behind the kernel's resource manager.
  // Anything else is held only for as long as it is needed.
  bool shareable() const { return shareable_; }

  Result<Properties> ReadProperties();

  // The handles of that kind that this connection can see, at most 256.
  Result<std::vector<uint32_t>> Handles(HandleKind kind);

  // NV indices from `first` to `last`, ascending, at most 256.
  Result<std::vector<uint32_t>> NvIndices(uint32_t first, uint32_t last);

  // The whole contents of an NV index, in the pieces that the TPM can give. kTooLarge above `max`;
  // kDenied when reading it would need a password.
  Result<Bytes> ReadNv(uint32_t index, size_t max);

  // The key at a persistent handle.
  Result<Key> OpenPersistent(uint32_t handle);

  // TPM2_CreatePrimary in the endorsement hierarchy. `public_template`: TPMT_PUBLIC. kDenied when
  // the hierarchy has a password or is disabled; kUnsupported when the TPM does not take the
  // template. Behind a TCTI that is not shareable, objects that a dead process left are flushed
  // when they leave no room.
  Result<Key> CreatePrimary(ByteSpan public_template);

  // TPM2_Quote with the key's own scheme. `qualifying_data`: at most 64 bytes.
  Result<QuoteBytes> Quote(const Key& ak, const tcg::PcrSelection& selection,
                           ByteSpan qualifying_data);

  // The values of the selected PCRs that the TPM has, in the order of the selection. Several
  // TPM2_PCR_Read: a value can change between two of them.
  Result<std::vector<PcrValue>> ReadPcrs(const tcg::PcrSelection& selection);

  // TPM2_ActivateCredential. `credential_blob`: TPM2B_ID_OBJECT, `encrypted_secret`:
  // TPM2B_ENCRYPTED_SECRET (kMalformed when they are not). The EK is authorised by its own empty
  // password where we made it and it takes one, else by its policy, PolicySecret of the endorsement
  // hierarchy (TCG EK Credential Profile 2.5, B.6). kDenied when the TPM refuses the credential.
  Result<Secret> ActivateCredential(const Key& ak, const Key& ek, ByteSpan credential_blob,
                                    ByteSpan encrypted_secret);

 private:
  Device(std::string tcti, bool shareable, std::shared_ptr<Esys> esys);

  std::string tcti_;
  bool shareable_;
  std::shared_ptr<Esys> esys_;
};

// tpm2-tss writes to stderr by default; everything it has to say is in our errors. Once, before the
// first Device and before there are threads. An explicit TSS2_LOG of the environment is kept.
void SilenceLibrary();

}  // namespace plimsoll::tpm
