#include "evidence/report.h"

#include "evidence/identifiers.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {

std::string_view ToString(TpmTrouble trouble) {
  switch (trouble) {
    case TpmTrouble::kTpmAbsent:
      return "TPMAbsent";
    case TpmTrouble::kTpmError:
      return "TPMError";
  }
  return "";
}

Result<ReportRequest> DecodeReportRequest(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  ReportRequest request;
  const std::string_view reason = reader.Word("reason");
  if (reason == ToString(TpmTrouble::kTpmAbsent)) {
    request.reason = TpmTrouble::kTpmAbsent;
  } else if (reason == ToString(TpmTrouble::kTpmError)) {
    request.reason = TpmTrouble::kTpmError;
  } else {
    reader.Fail("reason", "unknown");
  }
  request.detail = reader.OptionalFreeText("detail");
  return std::move(reader).Finish(std::move(request));
}

std::string Encode(const ReportRequest& request) {
  return Dump({{"reason", ToString(request.reason)}, {"detail", ToFreeText(request.detail)}});
}

}  // namespace plimsoll::evidence
