#include "fakes/software_ca.h"

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

void AddName(X509_NAME* name, const char* oid, const char* value) {
  ASN1_OBJECT* object = OBJ_txt2obj(oid, 1);
  Require(X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(value), -1, -1, 0) == 1,
          "name");
  ASN1_OBJECT_free(object);
}

void AddTpmNames(X509* certificate) {
  X509_NAME* directory = X509_NAME_new();
  AddName(directory, "2.23.133.2.1", "id:49465800");
  AddName(directory, "2.23.133.2.2", "SLB 9672");
  AddName(directory, "2.23.133.2.3", "id:0F17");
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_DIRNAME, directory);
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  sk_GENERAL_NAME_push(names, name);
  Require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1,
          "subjectAltName");
  GENERAL_NAMES_free(names);
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
    AddName(X509_get_subject_name(certificate), "2.5.4.3", fields.subject.c_str());
  }
  AddName(X509_get_issuer_name(certificate), "2.5.4.3", issuer.c_str());
  ASN1_TIME_set(X509_getm_notBefore(certificate), kEpoch + fields.not_before_days * kDay);
  ASN1_TIME_set(X509_getm_notAfter(certificate), kEpoch + fields.not_after_days * kDay);
  if (!fields.not_after.empty()) {
    Require(ASN1_TIME_set_string(X509_getm_notAfter(certificate), fields.not_after.c_str()) == 1,
            "notAfter");
  }
  X509_set_pubkey(certificate, key);
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
    AddTpmNames(certificate);
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

std::string SoftwareCa::Pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  Require(PEM_write_bio(bio, PEM_STRING_X509, "", der_.data(), static_cast<long>(der_.size())) > 0,
          "PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

}  // namespace plimsoll::fakes
