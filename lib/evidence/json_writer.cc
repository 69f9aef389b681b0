#include "evidence/json_writer.h"

#include "base/encoding.h"

namespace plimsoll::evidence {

std::string Dump(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json ToJson(const tcg::PcrSelection& selection) {
  nlohmann::json banks = nlohmann::json::array();
  for (const tcg::PcrBank& bank : selection.banks()) {
    banks.push_back({{"bank", tcg::BankName(bank.hash)}, {"pcrs", bank.Indices()}});
  }
  return banks;
}

nlohmann::json ToJson(const LogName& log) {
  return {{"sha256", ToHex(log.sha256)}, {"size", log.size}};
}

}  // namespace plimsoll::evidence
