// The least a program can be that uses these libraries: a connected Paho client, libcurl with one connection
// to the engine, or both. Its memory is what Berth's is held against.
#include <unistd.h>

#include <cstdio>

#ifdef BERTH_BENCH_PAHO
#include <mqtt/async_client.h>
#endif
#ifdef BERTH_BENCH_CURL
#include <curl/curl.h>

static std::size_t ignore(char*, std::size_t size, std::size_t count, void*) {
    return size * count;
}
#endif

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: minimal BROKER-URL ENGINE-SOCKET\n", stderr);
        return 2;
    }
#ifdef BERTH_BENCH_PAHO
    mqtt::async_client client(argv[1], "bench-minimal");
    client.connect()->wait();
#endif
#ifdef BERTH_BENCH_CURL
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, argv[2]);
    curl_easy_setopt(easy, CURLOPT_URL, "http://localhost/_ping");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    if (curl_easy_perform(easy) != CURLE_OK) return 1;
#endif
    std::puts("ready");
    std::fflush(stdout);
    pause();  // until a signal ends it
    return 0;
}
