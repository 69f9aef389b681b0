#include "controller/tls/serving_tls.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "controller/objects.h"

namespace plimsoll::controller::tls {
namespace {

using nlohmann::json;
namespace fields = json_fields;

constexpr size_t kMaxPemBytes = 64 * 1024;

Result<Bytes> Entry(const json& data, const char* key) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string encoded, fields::String(data, key));
  return FromBase64(encoded, kMaxPemBytes);
}

std::string EncodeSecret(const ServingTls& tls, const ServingTlsOptions& options) {
  json metadata = {{"name", kSecretName}, {"namespace", options.namespace_name}};
  if (!tls.meta.uid.empty()) {
    metadata["uid"] = tls.meta.uid;
    metadata["resourceVersion"] = tls.meta.resource_version;
  }
  json data = {{"ca.crt", ToBase64(AsBytes(tls.ca_certificate))},
               {"ca.key", ToBase64(tls.ca_key.bytes())},
               {"tls.crt", ToBase64(AsBytes(tls.certificate))},
               {"tls.key", ToBase64(tls.key.bytes())}};
  if (!tls.next_ca_certificate.empty()) {
    data["next-ca.crt"] = ToBase64(AsBytes(tls.next_ca_certificate));
    data["next-ca.key"] = ToBase64(tls.next_ca_key.bytes());
  }
  return json{{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"type", "kubernetes.io/tls"},
              {"metadata", std::move(metadata)},
              {"data", std::move(data)}}
      .dump();
}

// The first certificate of a bundle: the CA that is in use.
std::string FirstCertificate(const std::string& pem) {
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
  const size_t end = pem.find(kEnd);
  return end == std::string::npos ? std::string() : pem.substr(0, end + kEnd.size());
}

// The CAs of a Secret: the one that signs, and one that is published to sign later.
struct Authorities {
  crypto::ServingAuthority current;
  std::optional<crypto::ServingAuthority> next;
  std::string earlier;  // PEM of one that signed before and may still be served by somebody
  bool changed = false;
};

// Makes the next CA in time, and lets it sign when every agent has had the time to read it.
Result<Authorities> RenewedAuthorities(const std::optional<ServingTls>& present, WallTime now) {
  std::optional<crypto::ServingAuthority> current;
  std::optional<crypto::ServingAuthority> next;
  if (present) {
    const auto read = [&](const std::string& certificate, const Secret& key) {
      auto parsed = crypto::ServingAuthority::Parse(certificate, key.bytes());
      return parsed && parsed->not_after() > now ? std::optional(*std::move(parsed)) : std::nullopt;
    };
    current = read(FirstCertificate(present->ca_certificate), present->ca_key);
    next = read(present->next_ca_certificate, present->next_ca_key);
  }
  if (!current) {
    PLIMSOLL_ASSIGN_OR_RETURN(crypto::ServingAuthority made,
                              crypto::ServingAuthority::Create(now, kAuthorityValidity));
    return Authorities{
        .current = std::move(made), .next = std::nullopt, .earlier = {}, .changed = true};
  }
  if (next && now - (next->not_after() - kAuthorityValidity) >= kAuthorityOverlap) {
    return Authorities{.current = *std::move(next),
                       .next = std::nullopt,
                       .earlier = current->certificate_pem(),
                       .changed = true};
  }
  if (!next && current->not_after() - now <= kAuthorityRenewal) {
    PLIMSOLL_ASSIGN_OR_RETURN(crypto::ServingAuthority made,
                              crypto::ServingAuthority::Create(now, kAuthorityValidity));
    return Authorities{
        .current = *std::move(current), .next = std::move(made), .earlier = {}, .changed = true};
  }
  Authorities same{.current = *std::move(current), .next = std::move(next), .earlier = {}};
  if (!same.next) {
    same.earlier = present->ca_certificate.substr(FirstCertificate(present->ca_certificate).size());
  }
  return same;
}

// What the Secret should hold; nullopt when it holds that already.
Result<std::optional<ServingTls>> Renewed(const std::optional<ServingTls>& present,
                                          const ServingTlsOptions& options, WallTime now) {
  PLIMSOLL_ASSIGN_OR_RETURN(const Authorities authorities, RenewedAuthorities(present, now));
  const crypto::ServingAuthority& authority = authorities.current;
  const bool serves =
      present && crypto::IsServingCertificateFor(present->certificate, present->key.bytes(),
                                                 authority.certificate_pem(), options.names,
                                                 now + kServingRenewal);
  if (serves && !authorities.changed) {
    return std::optional<ServingTls>();
  }
  ServingTls renewed;
  if (present) {
    renewed.meta = present->meta;
  }
  renewed.ca_certificate = authority.certificate_pem() + authorities.earlier;
  PLIMSOLL_ASSIGN_OR_RETURN(renewed.ca_key, authority.PrivateKeyPem());
  if (authorities.next) {
    renewed.ca_certificate += authorities.next->certificate_pem();
    renewed.next_ca_certificate = authorities.next->certificate_pem();
    PLIMSOLL_ASSIGN_OR_RETURN(renewed.next_ca_key, authorities.next->PrivateKeyPem());
  }
  if (serves) {
    renewed.certificate = present->certificate;
    const ByteSpan key = present->key.bytes();
    renewed.key = Secret(Bytes(key.begin(), key.end()));
    return std::optional<ServingTls>(std::move(renewed));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(crypto::ServingCertificate issued,
                            authority.Issue(options.names, now, kServingValidity));
  renewed.certificate = std::move(issued.certificate_pem);
  renewed.key = std::move(issued.private_key_pem);
  return std::optional<ServingTls>(std::move(renewed));
}

Status PublishAuthority(kube::Client& client, const std::string& ca_certificate,
                        const ServingTlsOptions& options) {
  const kube::ResourceRef ref{kube::kConfigMap, kConfigMapName, options.namespace_name};
  const auto live = client.Get(ref);
  if (live) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(*live));
    PLIMSOLL_ASSIGN_OR_RETURN(const json data, fields::Object(object, "data"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string published, fields::String(data, "ca.crt"));
    if (published == ca_certificate) {
      return {};
    }
    const std::string patch = json{{"data", {{"ca.crt", ca_certificate}}}}.dump();
    const auto patched = client.Patch(ref, kube::PatchType::kMerge, patch);
    return patched ? Status() : Status(Wrap("publish the CA", patched.error()));
  }
  if (live.error().code != ErrorCode::kNotFound) {
    return Wrap("read the published CA", live.error());
  }
  const std::string body =
      json{{"apiVersion", "v1"},
           {"kind", "ConfigMap"},
           {"metadata", {{"name", kConfigMapName}, {"namespace", options.namespace_name}}},
           {"data", {{"ca.crt", ca_certificate}}}}
          .dump();
  const auto created = client.Create({kube::kConfigMap, "", options.namespace_name}, body);
  return created ? Status() : Status(Wrap("publish the CA", created.error()));
}

}  // namespace

Result<ServingTls> ServingTls::Parse(std::string_view secret_json) {
  ServingTls tls;
  PLIMSOLL_ASSIGN_OR_RETURN(tls.meta, kube::ParseObjectMeta(secret_json));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(secret_json));
  PLIMSOLL_ASSIGN_OR_RETURN(const json data, fields::Object(object, "data"));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes ca_certificate, Entry(data, "ca.crt"));
  PLIMSOLL_ASSIGN_OR_RETURN(Bytes ca_key, Entry(data, "ca.key"));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes next_certificate, Entry(data, "next-ca.crt"));
  PLIMSOLL_ASSIGN_OR_RETURN(Bytes next_key, Entry(data, "next-ca.key"));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes certificate, Entry(data, "tls.crt"));
  PLIMSOLL_ASSIGN_OR_RETURN(Bytes key, Entry(data, "tls.key"));
  tls.ca_certificate = AsText(ca_certificate);
  tls.ca_key = Secret(std::move(ca_key));
  tls.next_ca_certificate = AsText(next_certificate);
  tls.next_ca_key = Secret(std::move(next_key));
  tls.certificate = AsText(certificate);
  tls.key = Secret(std::move(key));
  return tls;
}

Status EnsureServingTls(kube::Client& client, const Clock& clock,
                        const ServingTlsOptions& options) {
  const kube::ResourceRef ref{kube::kSecret, kSecretName, options.namespace_name};
  std::optional<ServingTls> present;
  const auto live = client.Get(ref);
  if (live) {
    auto parsed = ServingTls::Parse(*live);
    if (parsed) {
      present = *std::move(parsed);
    } else {
      present.emplace();  // there, but of no use: only its place is kept
      PLIMSOLL_ASSIGN_OR_RETURN(present->meta, kube::ParseObjectMeta(std::string_view(*live)));
    }
  } else if (live.error().code != ErrorCode::kNotFound) {
    return Wrap("read the serving Secret", live.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::optional<ServingTls> renewed,
                            Renewed(present, options, clock.Wall()));
  if (renewed) {
    const std::string body = EncodeSecret(*renewed, options);
    const auto written = present ? client.Update(ref, body)
                                 : client.Create({kube::kSecret, "", options.namespace_name}, body);
    if (!written) {
      return Wrap("write the serving Secret", written.error());
    }
  }
  return PublishAuthority(client, renewed ? renewed->ca_certificate : present->ca_certificate,
                          options);
}

}  // namespace plimsoll::controller::tls
