#include "evidence/cluster_info.h"

#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {
namespace {

constexpr size_t kMaxKeyProfiles = 16;

}  // namespace

Result<ClusterInfo> DecodeClusterInfo(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  ClusterInfo info;
  info.cluster_uid = reader.Uuid("clusterUID");
  info.key_profiles = reader.ShortWords("keyProfiles", kMaxKeyProfiles);
  return std::move(reader).Finish(std::move(info));
}

std::string Encode(const ClusterInfo& info) {
  return Dump({{"clusterUID", info.cluster_uid}, {"keyProfiles", info.key_profiles}});
}

}  // namespace plimsoll::evidence
