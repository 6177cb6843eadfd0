// The least a Pistache server can do, to measure against: bench-hello THREADS
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <pistache/endpoint.h>

namespace {

class Hello final : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(Hello)

  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter response) override {
    response.send(Pistache::Http::Code::Ok, "hello");
  }
};

}  // namespace

int main(int argc, char** argv) {
  using namespace Pistache;
  const int threads = argc == 2 ? std::atoi(argv[1]) : 0;
  if (threads < 1) {
    std::fprintf(stderr, "usage: bench-hello THREADS\n");
    return 64;
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Http::Endpoint server(Address(Ipv4::loopback(), Port(0)));
  server.init(Http::Endpoint::options().threads(threads).flags(Tcp::Options::ReuseAddr));
  server.setHandler(Http::make_handler<Hello>());
  server.serveThreaded();
  std::printf("bench-hello listens on http://127.0.0.1:%s\n", server.getPort().toString().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  server.shutdown();
}
