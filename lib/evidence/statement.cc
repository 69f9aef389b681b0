#include "evidence/statement.h"

#include <limits>

#include "base/encoding.h"
#include "evidence/identifiers.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {
namespace {

constexpr uint64_t kAnyNumber = std::numeric_limits<int64_t>::max();

std::optional<ImaRange> ReadImaRange(ObjectReader& reader) {
  auto object = reader.OptionalObject("ima");
  if (!object) {
    return std::nullopt;
  }
  ImaRange range;
  range.from = object->Number("from", kAnyNumber);
  range.entries = object->Number("entries", kMaxImaEntries);
  range.total = object->Number("total", kAnyNumber);
  range.sha256 = object->Sha256("sha256");
  if (range.from > range.total || range.entries > range.total - range.from) {
    object->Fail("total", "less than the entries named");
  }
  reader.Adopt(std::move(*object));
  return range;
}

}  // namespace

Result<Statement> DecodeStatement(ByteSpan bytes) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document,
                            JsonDocument::Parse(AsText(bytes), kMaxStatementBytes));
  PLIMSOLL_RETURN_IF_ERROR(document.CheckStructure());
  ObjectReader reader(document.root(), "statement.");
  Statement statement;
  statement.boot_id = reader.Uuid("bootID");
  statement.kernel = reader.FreeText("kernel");
  statement.os_image = reader.FreeText("osImage");
  statement.agent_version = reader.FreeText("agentVersion");
  statement.boot_event_log = ReadLogName(reader, "bootEventLog");
  statement.ima = ReadImaRange(reader);
  return std::move(reader).Finish(std::move(statement));
}

std::string Encode(const Statement& statement) {
  nlohmann::json document = {{"bootID", statement.boot_id},
                             {"kernel", ToFreeText(statement.kernel)},
                             {"osImage", ToFreeText(statement.os_image)},
                             {"agentVersion", ToFreeText(statement.agent_version)}};
  if (statement.boot_event_log) {
    document["bootEventLog"] = ToJson(*statement.boot_event_log);
  }
  if (statement.ima) {
    document["ima"] = {{"from", statement.ima->from},
                       {"entries", statement.ima->entries},
                       {"total", statement.ima->total},
                       {"sha256", ToHex(statement.ima->sha256)}};
  }
  return Dump(document);
}

}  // namespace plimsoll::evidence
