// SPDX-License-Identifier: Apache-2.0
#include "tests/support/certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/unique_fd.h"
#include "tests/support/environment.h"

namespace wgs::test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<&X509_free>>;
using Memory = std::unique_ptr<BIO, Deleter<&BIO_free_all>>;

constexpr long kDay = 24L * 3600;

std::string text_of(const Memory& memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    const Memory memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), certificate);
    return text_of(memory);
}

std::string pem_of(EVP_PKEY* key) {
    const Memory memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(memory);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Deleter<&X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
        broken("certificate extension " + value);
}

// Of a key's owner by that name; not yet signed.
Certificate draft(const std::string& name, EVP_PKEY* key, long days_left) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    std::uint64_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2 * kDay);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days_left * kDay);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return certificate;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string result;
    for (const std::string& part : parts)
        result += (result.empty() ? "" : ",") + part;
    return result;
}

}  // namespace

struct Authority::State {
    Key key{EVP_EC_gen("P-256")};
    Certificate certificate;

    [[nodiscard]] Identity issue(const std::string& name,
                                 const std::vector<std::string>& alternatives, long days) const {
        const Key owner(EVP_EC_gen("P-256"));
        const Certificate made = draft(name, owner.get(), days);
        X509_set_issuer_name(made.get(), X509_get_subject_name(certificate.get()));
        add_extension(made.get(), certificate.get(), NID_ext_key_usage, "serverAuth,clientAuth");
        if (!alternatives.empty())
            add_extension(made.get(), certificate.get(), NID_subject_alt_name,
                          joined(alternatives));
        if (X509_sign(made.get(), key.get(), EVP_sha256()) == 0) broken("sign certificate");
        return {.certificate = pem_of(made.get()), .key = pem_of(owner.get())};
    }
};

Authority::Authority(const std::string& name) : state_(std::make_unique<State>()) {
    X509* certificate = (state_->certificate = draft(name, state_->key.get(), 2)).get();
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
    if (X509_sign(certificate, state_->key.get(), EVP_sha256()) == 0) broken("sign certificate");
    pem_ = pem_of(certificate);
}

Authority::~Authority() = default;

Identity Authority::issue(const std::string& name,
                          const std::vector<std::string>& alternatives) const {
    return state_->issue(name, alternatives, 1);
}

Identity Authority::issue_expired(const std::string& name,
                                  const std::vector<std::string>& alternatives) const {
    return state_->issue(name, alternatives, -1);
}

}  // namespace wgs::test
