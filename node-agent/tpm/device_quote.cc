// What a Device signs and proves: quotes, PCR values, credential activation.

#include <fmt/format.h>
#include <tss2/tss2_mu.h>

#include <algorithm>

#include "node-agent/tpm/device.h"
#include "node-agent/tpm/esys.h"
#include "node-agent/tpm/templates.h"
#include "tcg/writer.h"

namespace plimsoll::tpm {
namespace {

// TPM2_PCR_Read gives up to eight digests at a time: 16 banks of 32 PCRs are 64 calls.
constexpr int kMaxPcrReads = 64;

Result<TPML_PCR_SELECTION> ToTss(const tcg::PcrSelection& selection) {
  tcg::Writer writer;
  selection.Marshal(writer);
  return FromBytes<TPML_PCR_SELECTION>("PCR selection", writer.bytes(),
                                       &Tss2_MU_TPML_PCR_SELECTION_Unmarshal);
}

Result<tcg::PcrSelection> FromTss(const TPML_PCR_SELECTION& selection) {
  PLIMSOLL_ASSIGN_OR_RETURN(
      const Bytes bytes, ToBytes("PCR selection", selection, &Tss2_MU_TPML_PCR_SELECTION_Marshal));
  tcg::Reader reader(bytes);
  return tcg::PcrSelection::Parse(reader);
}

// A trial of what the EK's authPolicy is: PolicySecret(TPM_RH_ENDORSEMENT) alone (PolicyA), or one
// of the two branches of the high-range templates (PolicyB).
bool NeedsPolicyOr(const tcg::PublicArea& ek) {
  const Bytes policy_a = EndorsementPolicyA(ek.name_algorithm());
  return !std::ranges::equal(ek.auth_policy(), policy_a);
}

TPML_DIGEST Branches(tcg::AlgorithmId hash) {
  TPML_DIGEST list{};
  for (const Bytes& branch : {EndorsementPolicyA(hash), EndorsementPolicyC(hash)}) {
    TPM2B_DIGEST& digest = list.digests[list.count++];
    digest.size = static_cast<uint16_t>(branch.size());
    std::ranges::copy(branch, digest.buffer);
  }
  return list;
}

}  // namespace

Result<QuoteBytes> Device::Quote(const Key& ak, const tcg::PcrSelection& selection,
                                 ByteSpan qualifying_data) {
  PLIMSOLL_ASSIGN_OR_RETURN(const TPML_PCR_SELECTION pcrs, ToTss(selection));
  TPM2B_DATA qualifying{};
  if (qualifying_data.size() > sizeof(qualifying.buffer)) {
    return Fail(ErrorCode::kTooLarge, "the qualifying data is too long");
  }
  qualifying.size = static_cast<uint16_t>(qualifying_data.size());
  std::ranges::copy(qualifying_data, qualifying.buffer);
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = TPM2_ALG_NULL;  // the key's own

  TPM2B_ATTEST* attest = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_Quote", [&] {
    return Esys_Quote(esys_->get(), ak.handle_, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                      &qualifying, &scheme, &pcrs, &attest, &signature);
  }));
  const EsysPtr<TPM2B_ATTEST> owned_attest(attest);
  const EsysPtr<TPMT_SIGNATURE> owned_signature(signature);
  QuoteBytes quote;
  PLIMSOLL_ASSIGN_OR_RETURN(quote.attest,
                            Checked("TPM2_Quote", attest->size, attest->attestationData));
  PLIMSOLL_ASSIGN_OR_RETURN(quote.signature,
                            ToBytes("signature", *signature, &Tss2_MU_TPMT_SIGNATURE_Marshal));
  return quote;
}

Result<std::vector<PcrValue>> Device::ReadPcrs(const tcg::PcrSelection& selection) {
  std::vector<PcrValue> values;
  std::vector<tcg::PcrBank> left = selection.banks();
  for (int reads = 0; reads < kMaxPcrReads; ++reads) {
    std::erase_if(left, [](const tcg::PcrBank& bank) { return bank.mask == 0; });
    if (left.empty()) {
      break;
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const tcg::PcrSelection wanted, tcg::PcrSelection::Create(left));
    PLIMSOLL_ASSIGN_OR_RETURN(const TPML_PCR_SELECTION pcrs, ToTss(wanted));
    TPML_PCR_SELECTION* out_selection = nullptr;
    TPML_DIGEST* out_values = nullptr;
    PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_PCR_Read", [&] {
      return Esys_PCR_Read(esys_->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &pcrs, nullptr,
                           &out_selection, &out_values);
    }));
    const EsysPtr<TPML_PCR_SELECTION> owned_selection(out_selection);
    const EsysPtr<TPML_DIGEST> owned_values(out_values);
    PLIMSOLL_ASSIGN_OR_RETURN(const tcg::PcrSelection read, FromTss(*out_selection));
    if (read.PcrCount() == 0) {
      break;  // what is left is not allocated
    }
    if (read.PcrCount() != out_values->count ||
        out_values->count > std::size(out_values->digests)) {
      return Fail(ErrorCode::kMalformed, "TPM2_PCR_Read: the TPM sent another number of values",
                  Retry::kReconnect);
    }
    size_t next = 0;
    for (const tcg::PcrBank& bank : read.banks()) {
      const auto asked =
          std::ranges::find(left, bank.hash, [](const tcg::PcrBank& b) { return b.hash; });
      for (const uint32_t pcr : bank.Indices()) {
        const TPM2B_DIGEST& digest = out_values->digests[next++];
        if (asked == left.end() || !asked->Contains(pcr) ||
            digest.size != tcg::DigestSize(bank.hash)) {
          return Fail(ErrorCode::kMalformed, "TPM2_PCR_Read: the TPM sent values not asked for",
                      Retry::kReconnect);
        }
        values.push_back({bank.hash, pcr, Bytes(digest.buffer, digest.buffer + digest.size)});
        asked->mask &= ~(1U << pcr);
      }
    }
  }
  return values;
}

Result<Secret> Device::ActivateCredential(const Key& ak, const Key& ek, ByteSpan credential_blob,
                                          ByteSpan encrypted_secret) {
  PLIMSOLL_ASSIGN_OR_RETURN(const TPM2B_ID_OBJECT blob,
                            FromBytes<TPM2B_ID_OBJECT>("credential blob", credential_blob,
                                                       &Tss2_MU_TPM2B_ID_OBJECT_Unmarshal));
  PLIMSOLL_ASSIGN_OR_RETURN(
      const TPM2B_ENCRYPTED_SECRET secret,
      FromBytes<TPM2B_ENCRYPTED_SECRET>("encrypted secret", encrypted_secret,
                                        &Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal));
  TPM2B_DIGEST* out = nullptr;
  const auto activate = [&](ESYS_TR ek_session) {
    return esys_->Call("TPM2_ActivateCredential", [&] {
      return Esys_ActivateCredential(esys_->get(), ak.handle_, ek.handle_, ESYS_TR_PASSWORD,
                                     ek_session, ESYS_TR_NONE, &blob, &secret, &out);
    });
  };

  // A persistent EK may have a password, and guessing it would count against the dictionary attack
  // protection; the password of the endorsement hierarchy does not (TPM 2.0 Part 1, 19.8).
  if (!ek.persistent() && ek.public_area().attributes().user_with_auth()) {
    PLIMSOLL_RETURN_IF_ERROR(activate(ESYS_TR_PASSWORD));
  } else {
    const tcg::AlgorithmId hash = ek.public_area().name_algorithm();
    ESYS_TR handle = ESYS_TR_NONE;
    TPMT_SYM_DEF none{};
    none.algorithm = TPM2_ALG_NULL;
    PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_StartAuthSession", [&] {
      return Esys_StartAuthSession(esys_->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_POLICY, &none,
                                   static_cast<TPMI_ALG_HASH>(hash), &handle);
    }));
    const Session session(*esys_, handle);
    PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_PolicySecret", [&] {
      return Esys_PolicySecret(esys_->get(), ESYS_TR_RH_ENDORSEMENT, session.handle(),
                               ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, nullptr, nullptr,
                               nullptr, 0, nullptr, nullptr);
    }));
    if (NeedsPolicyOr(ek.public_area())) {
      const TPML_DIGEST branches = Branches(hash);
      PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_PolicyOR", [&] {
        return Esys_PolicyOR(esys_->get(), session.handle(), ESYS_TR_NONE, ESYS_TR_NONE,
                             ESYS_TR_NONE, &branches);
      }));
    }
    PLIMSOLL_RETURN_IF_ERROR(activate(session.handle()));
  }
  const EsysPtr<TPM2B_DIGEST> owned(out);
  auto recovered = Checked("TPM2_ActivateCredential", out->size, out->buffer);
  Zeroise({out->buffer, sizeof(out->buffer)});
  return recovered.map([](Bytes bytes) { return Secret(std::move(bytes)); });
}

}  // namespace plimsoll::tpm
