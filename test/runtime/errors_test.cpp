#include "runtime/docker/errors.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using berth::runtime::docker::clean_message;
using berth::runtime::docker::to_error;

TEST_CASE("an answer of the engine says what the caller can do", "[runtime]") {
    struct Case {
        int status;
        std::string body;
        Errc code;
        std::string message;
    };
    // recorded from Engine 20.10.24, unless said otherwise
    const std::vector<Case> cases = {
        {404, R"({"message":"No such container: web"})", Errc::NotFound, "No such container: web"},
        {404, R"({"message":"sandbox ce7a751d3f1a940f not found"})", Errc::Busy,
         "sandbox ce7a751d3f1a940f not found"},
        {500, R"({"message":"Cannot update container 3b42: cannot update a stopped container"})", Errc::Busy,
         "Cannot update container 3b42: cannot update a stopped container"},
        {500, R"({"message":"Cannot unpause container 4a8c: cannot resume a stopped container: unknown"})",
         Errc::Busy, "Cannot unpause container 4a8c: cannot resume a stopped container"},
        {500, R"({"message":"Cannot update container 4a8c: cannot update a deleted process"})", Errc::Busy,
         "Cannot update container 4a8c: cannot update a deleted process"},
        {500, R"({"message":"Cannot update container e269: ttrpc: closed: unknown"})", Errc::Busy,
         "Cannot update container e269: ttrpc: closed"},
        {404, R"({"message":"No such image: app:2"})", Errc::NotFound, "No such image: app:2"},
        {404, R"({"message":"manifest for reg:5000/nope:1 not found: manifest unknown: manifest unknown"})",
         Errc::NotFound, "manifest for reg:5000/nope:1 not found: manifest unknown"},
        {404,
         R"({"message":"pull access denied for nope, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"})",
         Errc::NotFound,
         "pull access denied for nope, repository does not exist or may require 'docker login': denied: "
         "requested access "
         "to the resource is denied"},
        {500, R"({"message":"Head \"http://reg:5001/v2/app/manifests/1\": no basic auth credentials"})",
         Errc::Forbidden, "Head \"http://reg:5001/v2/app/manifests/1\": no basic auth credentials"},
        {500, R"({"message":"unauthorized: authentication required"})", Errc::Forbidden,
         "unauthorized: authentication required"},
        {500,
         R"({"message":"Get \"http://127.0.0.1:5999/v2/\": dial tcp 127.0.0.1:5999: connect: connection refused"})",
         Errc::Unavailable,
         "Get \"http://127.0.0.1:5999/v2/\": dial tcp 127.0.0.1:5999: connect: connection refused"},
        {500, R"({"message":"Get \"https://reg/v2/\": net/http: TLS handshake timeout"})", Errc::Unavailable,
         "Get \"https://reg/v2/\": net/http: TLS handshake timeout"},
        {500, R"({"message":"received unexpected HTTP status: 503 Service Unavailable"})", Errc::Unavailable,
         "received unexpected HTTP status: 503 Service Unavailable"},
        {500, "unexpected EOF", Errc::Unavailable, "unexpected EOF"},
        {500, "unknown blob", Errc::Internal, "unknown blob"},
        {500, R"({"message":"write /var/lib/docker/tmp/x: no space left on device"})", Errc::NoSpace,
         "write /var/lib/docker/tmp/x: no space left on device"},
        {409,
         R"({"message":"Conflict. The container name \"/web\" is already in use by container \"02d4\"."})",
         Errc::Conflict, "Conflict. The container name \"/web\" is already in use by container \"02d4\"."},
        {500,
         R"({"message":"driver failed programming external connectivity on endpoint b (1): Bind for 0.0.0.0:80 failed: port is already allocated"})",
         Errc::Conflict,
         "driver failed programming external connectivity on endpoint b (1): Bind for 0.0.0.0:80 failed: "
         "port is already "
         "allocated"},
        {400,
         R"({"message":"invalid mount config for type \"bind\": bind source path does not exist: /nope"})",
         Errc::Invalid, "invalid mount config for type \"bind\": bind source path does not exist: /nope"},
        {400, R"({"message":"client version 1.99 is too new. Maximum supported API version is 1.41"})",
         Errc::Unsupported, "client version 1.99 is too new. Maximum supported API version is 1.41"},
        {400,
         R"({"message":"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: unknown"})",
         Errc::Invalid, "exec: \"/nope\": stat /nope: no such file or directory"},
        {500,
         R"({"message":"error gathering device information while adding custom device \"/dev/nope\": no such file or directory"})",
         Errc::Invalid,
         "error gathering device information while adding custom device \"/dev/nope\": no such file or "
         "directory"},
        {503, "", Errc::Unavailable, "the engine answered 503 without a word"},
        {500, R"({"message":7})", Errc::Internal, R"({"message":7})"},
        {500, "<html>\n oops</html>", Errc::Internal, "<html> oops</html>"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.status << " " << c.message) {
            CHECK(to_error(c.status, c.body) == Error{c.code, c.message});
        }
}

TEST_CASE("an engine's text is cut to one short line", "[runtime]") {
    CHECK(clean_message("a\r\n\tb") == "a b");
    CHECK(clean_message(std::string(2000, 'x')).size() == 500);
    const auto cut = clean_message(std::string(499, 'x') + "ä");
    CHECK(cut == std::string(499, 'x'));  // not half a letter
}
