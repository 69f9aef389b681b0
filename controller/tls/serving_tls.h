#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/serving_authority.h"
#include "kube/client.h"
#include "kube/resource.h"

// The controller's own TLS identity: a Secret with CA and serving key that all replicas share, and
// a ConfigMap with the CA alone, which agents mount. The leader makes and renews them; every
// replica only reads.
namespace plimsoll::controller::tls {

inline constexpr const char* kSecretName = "plimsoll-controller-tls";
inline constexpr const char* kConfigMapName = "plimsoll-controller-ca";

inline constexpr std::chrono::hours kServingValidity{24 * 90};
inline constexpr std::chrono::hours kServingRenewal{
    24 * 30};  // what is left when a new certificate is issued
inline constexpr std::chrono::hours kAuthorityValidity{24 * 3652};
inline constexpr std::chrono::hours kAuthorityRenewal{24 *
                                                      365};  // what is left when the next is made

// How long the next CA is published before it signs anything: longer than any agent takes to read a
// mounted ConfigMap again, so that no agent ever meets a certificate of a CA that it does not know.
inline constexpr std::chrono::hours kAuthorityOverlap{24};

// The Secret's content. Texts are PEM.
struct ServingTls {
  kube::ObjectMeta meta;
  std::string ca_certificate;       // ca.crt: the CA in use, and behind it one that was, or will be
  Secret ca_key;                    // ca.key, of the first
  std::string next_ca_certificate;  // next-ca.crt: published, but not in use yet; empty: none
  Secret next_ca_key;               // next-ca.key
  std::string certificate;          // tls.crt
  Secret key;                       // tls.key

  static Result<ServingTls> Parse(std::string_view secret_json);
};

struct ServingTlsOptions {
  std::string namespace_name;
  crypto::ServingNames names;  // what agents check the certificate against
};

// Makes Secret and ConfigMap where they are missing, renews what runs out, replaces what cannot be
// used. Idempotent; writes only on need, each write by compare-and-swap. kConflict when another
// replica wrote at the same time: try again later. For the leader alone.
Status EnsureServingTls(kube::Client& client, const Clock& clock, const ServingTlsOptions& options);

}  // namespace plimsoll::controller::tls
