#include "appraisal/quote_checks.h"

#include <fmt/format.h>

#include <array>
#include <bitset>

#include "crypto/digest.h"
#include "crypto/names.h"
#include "evidence/qualifying_data.h"

namespace plimsoll::appraisal {
namespace {

using Outcome = Result<std::optional<Finding>>;

// Messages of these checks reach the agent: they hold nothing that it does not know.
Finding Failed(std::string_view check, Reason reason, std::string message) {
  return {.check = check, .reason = reason, .message = std::move(message)};
}

// K1-K7, S2, S3: judged once, when the key was stored.
Outcome K01_KeyIsFitForAttestation(const QuoteContext& c) { return c.expectation.key.rejection(); }

// S1, S3-S8, Q2: over the very bytes that were received.
Outcome S01_SignatureIsByTheStoredKey(const QuoteContext& c) {
  const auto& key = c.expectation.key.key();
  if (!key) {
    return Fail(ErrorCode::kInternal, "attestation key without a key to verify with");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const crypto::SignatureCheck check,
                            key->Verify(c.signature, c.evidence.attest));
  if (check == crypto::SignatureCheck::kValid) {
    return std::nullopt;
  }
  return Failed("S1", Reason::kSignatureInvalid,
                "the signature is not one by the node's attestation key over this quote");
}

Outcome Q03_MagicIsTpmGenerated(const QuoteContext& c) {
  if (c.attest.magic() == tcg::kTpmGeneratedValue) {
    return std::nullopt;
  }
  return Failed("Q3", Reason::kNotAQuote,
                fmt::format("magic is {:08x}: no TPM made this", c.attest.magic()));
}

Outcome Q04_TypeIsQuote(const QuoteContext& c) {
  if (c.attest.type() == tcg::kAttestQuote) {
    return std::nullopt;
  }
  return Failed("Q4", Reason::kNotAQuote,
                fmt::format("attestation is of type {:04x}, a quote is 8018", c.attest.type()));
}

Outcome Q07_SignerLivesInTheEndorsementHierarchy(const QuoteContext& c) {
  const auto& name = c.expectation.key.name();
  if (!name) {
    return std::nullopt;  // a PEM key has no Name; AttestationKeyUnproven says what that means
  }
  if (c.attest.signer() == crypto::QualifiedNameOfEndorsementPrimary(*name)) {
    return std::nullopt;
  }
  const auto& parent = c.expectation.endorsement_key;
  if (parent && c.attest.signer() == crypto::QualifiedNameOfChild(*parent, *name)) {
    return std::nullopt;
  }
  return Failed("Q7", Reason::kNotAQuote,
                "the qualified signer is neither a primary key of the endorsement hierarchy nor a "
                "child of the enrolled endorsement key");
}

// The whole length, in constant time (Q5), and bound to node, key and statement (Q6).
Outcome Q05_QualifyingDataIsTheOneExpected(const QuoteContext& c) {
  Bytes expected;
  if (const auto* raw = std::get_if<Bytes>(&c.expectation.qualifying_data)) {
    expected = *raw;
  } else {
    const auto& binding = std::get<ChallengeBinding>(c.expectation.qualifying_data);
    if (!c.expectation.key.name() || !c.evidence.statement) {
      return Fail(ErrorCode::kUnsupported,
                  "a key or evidence made outside the protocol needs raw qualifying data");
    }
    expected = evidence::QualifyingData(c.signature.hash(), binding.nonce, binding.node_uid,
                                        *c.expectation.key.name(), *c.evidence.statement);
  }
  if (!expected.empty() && EqualConstantTime(expected, c.attest.extra_data())) {
    return std::nullopt;
  }
  return Failed("Q5", Reason::kNonceMismatch,
                "the quote's qualifying data is not that of this challenge, node, key and "
                "statement");
}

Outcome Q13_NoBankIsEmpty(const QuoteContext& c) {
  if (!c.attest.selection().HasEmptyBank()) {
    return std::nullopt;
  }
  return Failed("Q13", Reason::kSelectionMismatch,
                fmt::format("quoted \"{}\": a bank without a PCR covers nothing",
                            c.attest.selection().ToText()));
}

Outcome Q12_SelectionIsTheOneAsked(const QuoteContext& c) {
  if (c.attest.selection() == c.expectation.selection) {
    return std::nullopt;
  }
  return Failed("Q12", Reason::kSelectionMismatch,
                fmt::format("quoted \"{}\", asked for \"{}\"", c.attest.selection().ToText(),
                            c.expectation.selection.ToText()));
}

// Also Q16: a missing, repeated or extra value would make the concatenation ambiguous.
Outcome Q15_ValuesAreExactlyThoseSelected(const QuoteContext& c) {
  std::vector<tcg::PcrBank> seen = c.attest.selection().banks();
  for (tcg::PcrBank& bank : seen) {
    bank.mask = 0;
  }
  for (const evidence::PcrValue& value : c.evidence.pcrs) {
    bool taken = false;
    for (tcg::PcrBank& bank : seen) {
      if (bank.hash == value.bank && !bank.Contains(value.index) &&
          c.attest.selection().Contains(value.bank, value.index)) {
        bank.mask |= uint32_t{1} << value.index;
        taken = true;
      }
    }
    if (!taken) {
      return Failed("Q15", Reason::kPcrDigestMismatch,
                    fmt::format("{} PCR {} was sent twice, or was not quoted",
                                tcg::BankName(value.bank), value.index));
    }
  }
  if (seen != c.attest.selection().banks()) {
    return Failed("Q15", Reason::kPcrDigestMismatch, "a quoted PCR value was not sent");
  }
  return std::nullopt;
}

// In the order that the quote returned, with the hash of the signing scheme.
Outcome Q14_DigestIsThatOfTheValues(const QuoteContext& c) {
  Bytes values;
  for (const tcg::PcrBank& bank : c.attest.selection().banks()) {
    for (const uint32_t index : bank.Indices()) {
      for (const evidence::PcrValue& value : c.evidence.pcrs) {
        if (value.bank == bank.hash && value.index == index) {
          Append(values, value.digest);
        }
      }
    }
  }
  if (EqualConstantTime(crypto::Digest(c.signature.hash(), {values}), c.attest.pcr_digest())) {
    return std::nullopt;
  }
  return Failed("Q14", Reason::kPcrDigestMismatch,
                "the PCR values that were sent do not give the quoted digest");
}

constexpr std::array kChecks = {
    K01_KeyIsFitForAttestation,
    S01_SignatureIsByTheStoredKey,
    Q03_MagicIsTpmGenerated,
    Q04_TypeIsQuote,
    Q07_SignerLivesInTheEndorsementHierarchy,
    Q05_QualifyingDataIsTheOneExpected,
    Q13_NoBankIsEmpty,
    Q12_SelectionIsTheOneAsked,
    Q15_ValuesAreExactlyThoseSelected,
    Q14_DigestIsThatOfTheValues,
};

}  // namespace

Result<std::optional<Finding>> CheckQuote(const QuoteContext& context) {
  for (const auto check : kChecks) {
    auto outcome = check(context);
    if (!outcome || *outcome) {
      return outcome;
    }
  }
  return std::nullopt;
}

}  // namespace plimsoll::appraisal
