#include "fakes/software_ca.h"

#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace plimsoll::fakes {
namespace {

constexpr std::time_t kEpoch = 1767225600;  // 2026-01-01
constexpr long kDay = 86400;

void Require(bool condition, const char* what) {
  if (!condition) {
    std::cerr << "software CA: " << what << '\n';
    std::abort();
  }
}

void AddName(X509_NAME* name, const char* oid, const std::string& value, int type = MBSTRING_UTF8,
             int set = 0) {
  ASN1_OBJECT* object = OBJ_txt2obj(oid, 1);
  Require(X509_NAME_add_entry_by_OBJ(name, object, type,
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, set) == 1,
          "name");
  ASN1_OBJECT_free(object);
}

void AddDirectoryName(GENERAL_NAMES* names, X509_NAME* directory) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_DIRNAME, directory);
  sk_GENERAL_NAME_push(names, name);
}

void AddTpmNames(X509* certificate, const TpmNameFields& fields) {
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  if (fields.beside_others) {
    GENERAL_NAME* dns = GENERAL_NAME_new();
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, "tpm.example", -1);
    GENERAL_NAME_set0_value(dns, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, dns);
    X509_NAME* other = X509_NAME_new();
    AddName(other, "2.5.4.10", "Example");
    AddDirectoryName(names, other);
  }
  X509_NAME* directory = X509_NAME_new();
  const int type = fields.printable ? V_ASN1_PRINTABLESTRING : MBSTRING_UTF8;
  for (const auto& [oid, value] :
       {std::pair{"2.23.133.2.1", fields.manufacturer}, std::pair{"2.23.133.2.2", fields.model},
        std::pair{"2.23.133.2.3", fields.version},
        std::pair{"2.23.133.2.3", fields.second_version}}) {
    if (!value.empty()) {
      const bool first = X509_NAME_entry_count(directory) == 0;
      AddName(directory, oid, value, type, fields.one_rdn && !first ? -1 : 0);
    }
  }
  AddDirectoryName(names, directory);
  Require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, fields.critical ? 1 : 0,
                            X509V3_ADD_DEFAULT) == 1,
          "subjectAltName");
  GENERAL_NAMES_free(names);
}

void SetModulus(X509* certificate, const Bytes& modulus) {
  BIGNUM* n = BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr);
  BIGNUM* e = BN_new();
  BN_set_word(e, 65537);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, "n", n);
  OSSL_PARAM_BLD_push_BN(builder, "e", e);
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  Require(EVP_PKEY_fromdata_init(context) == 1 &&
              EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
              X509_set_pubkey(certificate, key) == 1,
          "modulus");
  EVP_PKEY_free(key);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  BN_free(e);
  BN_free(n);
}

Bytes Make(const CertificateFields& fields, EVP_PKEY* key, const std::string& issuer,
           EVP_PKEY* issuer_key) {
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  BIGNUM* serial = nullptr;
  Require(BN_hex2bn(&serial, fields.serial_hex.c_str()) > 0, "serial");
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
  BN_free(serial);
  if (!fields.subject.empty()) {
    AddName(X509_get_subject_name(certificate), "2.5.4.3", fields.subject);
  }
  AddName(X509_get_issuer_name(certificate), "2.5.4.3", issuer);
  ASN1_TIME_set(X509_getm_notBefore(certificate), kEpoch + fields.not_before_days * kDay);
  ASN1_TIME_set(X509_getm_notAfter(certificate), kEpoch + fields.not_after_days * kDay);
  if (!fields.not_after.empty()) {
    Require(ASN1_TIME_set_string(X509_getm_notAfter(certificate), fields.not_after.c_str()) == 1,
            "notAfter");
  }
  X509_set_pubkey(certificate, key);
  if (!fields.modulus.empty()) {
    SetModulus(certificate, fields.modulus);
  }
  if (fields.rsaes_oaep) {
    X509_PUBKEY* spki = X509_get_X509_PUBKEY(certificate);
    const unsigned char* bits = nullptr;
    int size = 0;
    X509_PUBKEY_get0_param(nullptr, &bits, &size, nullptr, spki);
    void* copy = OPENSSL_memdup(bits, static_cast<size_t>(size));
    Require(X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_rsaesOaep), V_ASN1_NULL, nullptr,
                                   static_cast<unsigned char*>(copy), size) == 1,
            "RSAES-OAEP");
  }
  for (const auto& [name, value] : fields.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, nullptr, name.c_str(), value.c_str());
    Require(extension != nullptr, name.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (fields.tpm_names) {
    AddTpmNames(certificate, fields.names);
  }
  Require(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "sign");
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  X509_free(certificate);
  return bytes;
}

}  // namespace

CertificateFields CertificateFields::Ca(std::string subject) {
  CertificateFields fields;
  fields.subject = std::move(subject);
  fields.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                       {"keyUsage", "critical,keyCertSign"}};
  return fields;
}

CertificateFields CertificateFields::Endorsement(tcg::AlgorithmId type) {
  CertificateFields fields;
  fields.extensions = {{"basicConstraints", "critical,CA:FALSE"},
                       {"keyUsage", type == tcg::AlgorithmId::kRsa ? "critical,keyEncipherment"
                                                                   : "critical,keyAgreement"},
                       {"extendedKeyUsage", "2.23.133.8.1"}};
  fields.tpm_names = true;
  return fields;
}

CertificateFields& CertificateFields::Set(const std::string& extension, std::string value) {
  std::erase_if(extensions, [&](const auto& entry) { return entry.first == extension; });
  if (!value.empty()) {
    extensions.emplace_back(extension, std::move(value));
  }
  return *this;
}

WallTime CertificateNow() { return std::chrono::system_clock::from_time_t(kEpoch + 180 * kDay); }

SoftwareCa::SoftwareCa(CertificateFields fields)
    : fields_(std::move(fields)),
      key_(KeyTemplate::AkP256()),
      der_(Make(fields_, key_.pkey(), fields_.subject, key_.pkey())) {}

SoftwareCa::SoftwareCa(CertificateFields fields, const SoftwareCa& issuer)
    : fields_(std::move(fields)),
      key_(KeyTemplate::AkP256()),
      der_(Make(fields_, key_.pkey(), issuer.fields_.subject, issuer.key_.pkey())) {}

Bytes SoftwareCa::Issue(const CertificateFields& fields, const SoftwareKey& key) const {
  return Make(fields, key.pkey(), fields_.subject, key_.pkey());
}

Bytes SoftwareCa::IssueRevocationList(const RevocationFields& fields) const {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  X509_NAME* issuer = X509_NAME_new();
  AddName(issuer, "2.5.4.3", fields_.subject);
  X509_CRL_set_issuer_name(list, issuer);
  X509_NAME_free(issuer);
  ASN1_TIME* time = ASN1_TIME_set(nullptr, kEpoch + fields.this_update_days * kDay);
  X509_CRL_set1_lastUpdate(list, time);
  if (fields.next_update_days) {
    ASN1_TIME_set(time, kEpoch + *fields.next_update_days * kDay);
    X509_CRL_set1_nextUpdate(list, time);
  }
  ASN1_TIME_set(time, kEpoch);
  for (const std::string& serial_hex : fields.serials_hex) {
    BIGNUM* serial = nullptr;
    Require(BN_hex2bn(&serial, serial_hex.c_str()) > 0, "serial");
    ASN1_INTEGER* number = BN_to_ASN1_INTEGER(serial, nullptr);
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, number);
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(list, entry);
    ASN1_INTEGER_free(number);
    BN_free(serial);
  }
  ASN1_TIME_free(time);
  for (const auto& [name, value] : fields.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, nullptr, name.c_str(), value.c_str());
    Require(extension != nullptr, name.c_str());
    X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
  }
  Require(X509_CRL_sign(list, key_.pkey(), fields.sha1 ? EVP_sha1() : EVP_sha256()) > 0, "sign");
  unsigned char* der = nullptr;
  const int size = i2d_X509_CRL(list, &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  X509_CRL_free(list);
  return bytes;
}

std::string SoftwareCa::Pem() const { return PemBlock(PEM_STRING_X509, der_); }

std::string PemBlock(const char* type, const Bytes& der) {
  BIO* bio = BIO_new(BIO_s_mem());
  Require(PEM_write_bio(bio, type, "", der.data(), static_cast<long>(der.size())) > 0, "PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

}  // namespace plimsoll::fakes
