#include "controller/ingest/routes.h"
#include "crypto/attestation_key.h"
#include "evidence/cluster_info.h"

namespace plimsoll::controller::ingest {

http::Response GetCluster(IngestContext& context, const AgentPrincipal& /*agent*/,
                          const http::Request& /*request*/) {
  evidence::ClusterInfo info{.cluster_uid = context.d.cluster_uid, .key_profiles = {}};
  for (const crypto::KeyProfile profile :
       {crypto::KeyProfile::kP384, crypto::KeyProfile::kP256, crypto::KeyProfile::kRsa2048}) {
    info.key_profiles.emplace_back(crypto::ToString(profile));
  }
  return http::JsonResponse(200, evidence::Encode(info));
}

}  // namespace plimsoll::controller::ingest
