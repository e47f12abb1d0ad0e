// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "base/secret_file.h"
#include "model/key.h"

namespace wgs {
namespace {

constexpr mode_t kPrivate = 0600;
constexpr std::size_t kBase64Length = 44;

Result<PrivateKey> create(const std::string& path) {
    PrivateKey key = PrivateKey::generate();
    const SecretText text(key.to_base64() + "\n");
    WGS_TRY(write_file_atomically(path, text.get(), kPrivate));
    return key;
}

}  // namespace

Result<PrivateKey> load_or_create_private_key(const std::string& path) {
    // One byte more than a key and a newline can have, so that a longer file is noticed.
    auto text = read_secret_file(path, "the private key", kBase64Length + 2, Symlinks::refuse);
    if (!text && text.error().is(std::errc::no_such_file_or_directory)) return create(path);
    if (!text) return tl::unexpected(text.error());
    text->drop_newline();
    return PrivateKey::parse(text->get()).within(path);
}

}  // namespace wgs
