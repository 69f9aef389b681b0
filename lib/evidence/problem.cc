#include "evidence/problem.h"

#include "evidence/identifiers.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {
namespace {

constexpr uint64_t kMaxHttpStatus = 599;

}  // namespace

Result<Problem> DecodeProblem(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  Problem problem;
  problem.status = static_cast<int>(reader.Number("status", kMaxHttpStatus));
  problem.title = reader.FreeText("title");
  problem.detail = reader.OptionalFreeText("detail");
  problem.reason = reader.ReasonWord("reason");
  return std::move(reader).Finish(std::move(problem));
}

std::string Encode(const Problem& problem) {
  return Dump({{"title", ToFreeText(problem.title)},
               {"status", problem.status},
               {"detail", ToFreeText(problem.detail)},
               {"reason", problem.reason}});
}

}  // namespace plimsoll::evidence
