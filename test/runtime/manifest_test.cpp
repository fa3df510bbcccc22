// What a registry says, without one.
#include "runtime/docker/manifest.hpp"

#include "runtime/docker/challenge.hpp"
#include "runtime/docker/decode.hpp"
#include "runtime/docker/insecure.hpp"
#include "runtime/docker/reference.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime::docker;

namespace {

std::string digest(char letter) {
    return "sha256:" + std::string(64, letter);
}

std::string entry(char letter, const std::string& platform) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":500,"digest":")" +
           digest(letter) + R"(","platform":)" + platform + "}";
}

const std::string kIndex =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
    entry('1', R"({"os":"linux","architecture":"amd64"})") + "," +
    entry('2', R"({"os":"linux","architecture":"arm","variant":"v5"})") + "," +
    entry('3', R"({"os":"linux","architecture":"arm","variant":"v6"})") + "," +
    entry('4', R"({"os":"linux","architecture":"arm","variant":"v7"})") + "," +
    entry('5', R"({"os":"linux","architecture":"arm64","variant":"v8"})") + "," +
    entry('6', R"({"os":"windows","architecture":"amd64"})") + "," +
    entry('7', R"({"os":"unknown","architecture":"unknown"})") + "," +
    entry('8', R"({"os":"linux","architecture":"riscv64","variant":"x"})") + "]}";

std::string chosen(const Platform& platform) {
    const auto said = decode_manifest(kIndex, platform);
    if (!said) return std::string(to_string(said.error().code));
    return std::get<Elsewhere>(*said).digest.substr(7, 1);
}

}  // namespace

TEST_CASE("of an index the manifest of the engine's platform counts", "[BX-02][runtime]") {
    CHECK(chosen({"linux", "amd64", ""}) == "1");
    CHECK(chosen({"windows", "amd64", ""}) == "6");
    CHECK(chosen({"linux", "arm", "v7"}) == "4");
    CHECK(chosen({"linux", "arm", ""}) == "4");
    CHECK(chosen({"linux", "arm", "v6"}) == "3");
    CHECK(chosen({"linux", "arm", "v8"}) == "4");  // a newer processor runs the newest of the older ones
    CHECK(chosen({"linux", "arm64", ""}) == "5");
    CHECK(chosen({"linux", "riscv64", ""}) == "8");
    CHECK(chosen({"linux", "s390x", ""}) == "NOT_FOUND");
    CHECK(chosen({"", "", ""}) == "NOT_FOUND");
}

TEST_CASE("a manifest names its layers and their sizes", "[BX-02][runtime]") {
    const auto text =
        R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
        "config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":1469,"digest":")" +
        digest('c') + R"("},
        "layers":[{"mediaType":"x","size":2219949,"digest":")" +
        digest('a') + R"("},{"mediaType":"x","size":7,"digest":")" + digest('b') + R"("}]})";
    const auto said = decode_manifest(text, {"linux", "amd64", ""});
    REQUIRE(said);
    CHECK(std::get<Manifest>(*said) == Manifest{digest('c'), {{digest('a'), 2219949}, {digest('b'), 7}}});
}

TEST_CASE("what is no manifest is refused, whatever it is", "[BX-02][runtime]") {
    const auto config = R"("config":{"digest":")" + digest('c') + R"("})";
    const std::vector<std::string> odd = {
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        R"({"schemaVersion":1,"fsLayers":[{"blobSum":"sha256:x"}]})",
        R"({"layers":[]})",
        R"({"config":{"digest":"../../x"},"layers":[]})",
        "{" + config + R"(,"layers":{}})",
        "{" + config + R"(,"layers":[{"digest":"sha256:x"}]})",
        "{" + config + R"(,"layers":[{"digest":"sha256:x","size":-1}]})",
        "{" + config + R"(,"layers":[{"digest":"sha256:x","size":18446744073709551615}]})",
        "{" + config + R"(,"layers":[{"digest":"sha256:x","size":1.5}]})",
        R"({"manifests":[{"digest":"sha256:../x","platform":{"os":"linux","architecture":"amd64"}}]})",
    };
    for (const auto& text : odd) {
        INFO(text);
        const auto said = decode_manifest(text, {"linux", "amd64", ""});
        REQUIRE_FALSE(said);
        CHECK(said.error().code == Errc::Unsupported);
    }
    CHECK_FALSE(decode_manifest(R"({"manifests":[1,null,{"platform":7}]})", {"linux", "amd64", ""}));
}

TEST_CASE("what an image shares with another one from the bottom up is there", "[BX-02][runtime]") {
    const std::vector<Layer> layers = {{"a", 1}, {"b", 2}, {"c", 3}};
    const std::vector<std::string> ids = {"A", "B", "C"};
    using Layers = std::vector<Layer>;
    CHECK(lacking(layers, ids, {}) == layers);
    CHECK(lacking(layers, ids, {{"A"}}) == Layers{{"b", 2}, {"c", 3}});
    CHECK(lacking(layers, ids, {{"X"}, {"A", "B", "X"}, {"A"}}) == Layers{{"c", 3}});
    CHECK(lacking(layers, ids, {{"A", "B", "C", "D"}}).empty());
    CHECK(lacking(layers, ids, {{"B", "C"}, {}}) == layers);  // not on top of the same
    CHECK(lacking(layers, {"A", "B"}, {{"A", "B"}}) == layers);

    const auto config =
        decode_diff_ids(R"({"os":"linux","rootfs":{"type":"layers","diff_ids":["A","B",7]}})");
    REQUIRE(config);
    CHECK(*config == std::vector<std::string>{"A", "B", ""});
    CHECK_FALSE(decode_diff_ids("{}"));
    CHECK_FALSE(decode_diff_ids("x"));
}

TEST_CASE("references name registry, repository and version", "[BX-02][runtime]") {
    const auto with_digest = "@" + digest('d');
    CHECK(split_reference("busybox") == ImageName{"docker.io", "library/busybox", "latest"});
    CHECK(split_reference("busybox:1.36") == ImageName{"docker.io", "library/busybox", "1.36"});
    CHECK(split_reference("acme/app:1") == ImageName{"docker.io", "acme/app", "1"});
    CHECK(split_reference("docker.io/busybox") == ImageName{"docker.io", "library/busybox", "latest"});
    CHECK(split_reference("index.docker.io/a/b") == ImageName{"docker.io", "a/b", "latest"});
    CHECK(split_reference("127.0.0.1:5000/app:1") == ImageName{"127.0.0.1:5000", "app", "1"});
    CHECK(split_reference("reg.example/a/b/c") == ImageName{"reg.example", "a/b/c", "latest"});
    CHECK(split_reference("reg.example:5000/app" + with_digest) ==
          ImageName{"reg.example:5000", "app", digest('d')});
    CHECK(split_reference("app:1" + with_digest) == ImageName{"docker.io", "library/app", digest('d')});
}

TEST_CASE("challenges of registries", "[BX-02][runtime]") {
    using Scheme = Challenge::Scheme;
    CHECK(parse_challenge(R"(Basic realm="lab")") == Challenge{});
    CHECK(parse_challenge("BASIC") == Challenge{});
    const auto hub = parse_challenge(
        R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")");
    CHECK(hub == Challenge{Scheme::Bearer, "https://auth.docker.io/token", "registry.docker.io",
                           "repository:a/b:pull,push"});
    CHECK(token_url(*hub) ==
          "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull%2Cpush");
    const auto loose = parse_challenge(R"(bearer scope=x, REALM="http://t/?a=b", odd="\"q\"", error)");
    CHECK(loose == Challenge{Scheme::Bearer, "http://t/?a=b", "", "x"});
    CHECK(token_url(*loose) == "http://t/?a=b&scope=x");
    for (const std::string none :
         {"", "Bearer", "Bearer ", "Bearer x", R"(Bearer service="x")", "Negotiate"}) {
        INFO(none);
        CHECK_FALSE(parse_challenge(none));
    }

    CHECK(*decode_token(R"({"token":"abc.def"})") == "abc.def");
    CHECK(*decode_token(R"({"access_token":"abc","expires_in":300})") == "abc");
    for (const std::string none : {"", "{}", R"({"token":""})", R"({"token":7})", R"({"token":"a\r\nb"})"})
        CHECK_FALSE(decode_token(none));
}

TEST_CASE("what the engine says of itself and its images", "[BX-02][runtime]") {
    CHECK(decode_platform(R"({"Version":"26.1.5","Os":"linux","Arch":"arm64"})") ==
          Platform{"linux", "arm64", ""});
    CHECK(decode_platform("x") == Platform{});
    CHECK(decode_data_folder(R"({"DockerRootDir":"/var/lib/docker"})") == "/var/lib/docker");
    CHECK(decode_data_folder("[]").empty());
    const std::string root = R"({"DockerRootDir":"/var/lib/docker","DriverStatus":)";
    CHECK(decode_data_folder(root + R"([["Backing Filesystem","extfs"],null]})") == "/var/lib/docker");
    CHECK(decode_data_folder(root + R"([["driver-type","io.containerd.snapshotter.v1"]]})").empty());
    using Texts = std::vector<std::string>;
    CHECK(decode_image_ids(R"([{"Id":"sha256:a"},{"Id":"sha256:b"},{},7])") == Texts{"sha256:a", "sha256:b"});
    CHECK(decode_image_ids("null").empty());
    CHECK(decode_image_layers(R"({"RootFS":{"Type":"layers","Layers":["A","B"]}})") == Texts{"A", "B"});
    CHECK(decode_image_layers(R"({"RootFS":null})").empty());
}

TEST_CASE("a registry may be asked without TLS where the engine may", "[BX-02][CM-33][runtime]") {
    const std::vector<std::string> listed = {"shop:5000", "10.1.0.0/16"};
    for (const std::string blind : {"shop:5000", "10.1.2.3:5000", "localhost", "127.0.0.1:5000"})
        CHECK(is_insecure(blind, listed));
    for (const std::string verified : {"shop", "shop:5001", "10.2.0.1", "docker.io"})
        CHECK_FALSE(is_insecure(verified, listed));
}
