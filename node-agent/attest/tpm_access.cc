#include "node-agent/attest/tpm_access.h"

#include <type_traits>
#include <utility>

namespace plimsoll::attest {
namespace {

class DeviceAccess final : public TpmAccess {
 public:
  DeviceAccess(std::string tcti, const Clock& clock, TpmObserver& observer, std::stop_token stop)
      : tcti_(std::move(tcti)), clock_(clock), observer_(observer), stop_(std::move(stop)) {}

  Result<tpm::Properties> Describe() override {
    return Guarded([&]() -> Result<tpm::Properties> {
      PLIMSOLL_RETURN_IF_ERROR(Open());
      PLIMSOLL_ASSIGN_OR_RETURN(tpm::Properties properties, device_->ReadProperties());
      observer_.TpmOpened(properties, device_->tcti());
      // Said now, in words that tell a person what to do, rather than by the code of a later
      // command.
      if (!properties.endorsement_enabled) {
        return Fail(ErrorCode::kDenied, "the TPM's endorsement hierarchy is disabled");
      }
      if (properties.endorsement_auth_set) {
        return Fail(
            ErrorCode::kDenied,
            "the TPM's endorsement hierarchy has a password (endorsementAuth), and the agent "
            "must be able to use it without one");
      }
      return properties;
    });
  }

  Result<tcg::PublicArea> AttestationKey(std::span<const crypto::KeyProfile> profiles,
                                         std::string_view cluster_uid) override {
    return Guarded([&]() -> Result<tcg::PublicArea> {
      PLIMSOLL_RETURN_IF_ERROR(Open());
      const std::vector<crypto::KeyProfile> wanted(profiles.begin(), profiles.end());
      if (!ak_ || ak_profiles_ != wanted || ak_cluster_ != cluster_uid) {
        ak_.reset();
        PLIMSOLL_ASSIGN_OR_RETURN(ak_, tpm::MakeAttestationKey(*device_, profiles, cluster_uid));
        ak_profiles_ = wanted;
        ak_cluster_ = cluster_uid;
      }
      return ak_->public_area();
    });
  }

  Result<EndorsementMaterial> EndorsementKey() override {
    return Guarded([&]() -> Result<EndorsementMaterial> {
      PLIMSOLL_RETURN_IF_ERROR(Open());
      PLIMSOLL_ASSIGN_OR_RETURN(endorsement_, tpm::FindEndorsement(*device_));
      return EndorsementMaterial{ToBytes(endorsement_->key.public_area().bytes()),
                                 endorsement_->certificate, endorsement_->chain};
    });
  }

  Result<Secret> ActivateCredential(ByteSpan credential_blob, ByteSpan encrypted_secret) override {
    return Guarded([&]() -> Result<Secret> {
      if (device_ == nullptr || !ak_ || !endorsement_) {
        return Fail(ErrorCode::kInternal, "no keys to activate a credential with");
      }
      return device_->ActivateCredential(*ak_, endorsement_->key, credential_blob,
                                         encrypted_secret);
    });
  }

  Result<tpm::QuoteWithValues> Quote(const tcg::PcrSelection& selection,
                                     ByteSpan qualifying_data) override {
    const MonotonicTime start = clock_.Monotonic();
    auto quote = Guarded([&]() -> Result<tpm::QuoteWithValues> {
      if (device_ == nullptr || !ak_) {
        return Fail(ErrorCode::kInternal, "no key to quote with");
      }
      return tpm::TakeQuote(*device_, *ak_, selection, qualifying_data);
    });
    observer_.Quoted(quote.has_value(), clock_.Monotonic() - start);
    return quote;
  }

  void Release() override {
    endorsement_.reset();
    if (device_ != nullptr && !device_->shareable()) {
      Close();
    }
  }

 private:
  Status Open() {
    if (device_ != nullptr) {
      return {};
    }
    tpm::Device::Options options;
    options.stop = stop_;
    options.on_error = [this](tpm::ErrorClass error_class) { observer_.TpmFailed(error_class); };
    PLIMSOLL_ASSIGN_OR_RETURN(device_, tpm::Device::Open(tcti_, std::move(options)));
    return {};
  }

  void Close() {
    endorsement_.reset();
    ak_.reset();
    device_.reset();
  }

  template <class Step>
  std::invoke_result_t<Step> Guarded(Step&& step) {
    auto result = step();
    if (!result && result.error().retry == Retry::kReconnect) {
      Close();
    }
    return result;
  }

  const std::string tcti_;
  const Clock& clock_;
  TpmObserver& observer_;
  const std::stop_token stop_;
  std::unique_ptr<tpm::Device> device_;
  std::optional<tpm::Key> ak_;
  std::vector<crypto::KeyProfile> ak_profiles_;  // what ak_ was made for
  std::string ak_cluster_;
  std::optional<tpm::Endorsement> endorsement_;
};

}  // namespace

std::unique_ptr<TpmAccess> MakeTpmAccess(std::string tcti, const Clock& clock,
                                         TpmObserver& observer, std::stop_token stop) {
  return std::make_unique<DeviceAccess>(std::move(tcti), clock, observer, std::move(stop));
}

}  // namespace plimsoll::attest
