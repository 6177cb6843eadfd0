#include "http1/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace lms::http1;
using namespace std::chrono_literals;

namespace {

const SteadyTime start = SteadyTime() + 1h;
using Keys = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a timer fires after its deadline and not before") {
  TimerWheel wheel(start);
  TimerWheel::Timer timer(1);
  wheel.schedule(timer, start + 250ms);
  CHECK(wheel.expire(start + 249ms).empty());
  CHECK(wheel.expire(start + 300ms) == Keys{1});
  CHECK(wheel.expire(start + 10s).empty());
  CHECK(wheel.empty());
}

TEST_CASE("a deadline can be moved in both directions and taken away") {
  TimerWheel wheel(start);
  TimerWheel::Timer later(1), earlier(2), stopped(3);
  for (TimerWheel::Timer* timer : {&later, &earlier, &stopped}) wheel.schedule(*timer, start + 2s);
  wheel.schedule(later, start + 4s);
  wheel.schedule(earlier, start + 1s);
  wheel.schedule(stopped, never);
  CHECK(wheel.expire(start + 1s) == Keys{2});
  CHECK(wheel.expire(start + 3s).empty());
  CHECK(wheel.expire(start + 4s) == Keys{1});
  CHECK(wheel.empty());
}

TEST_CASE("a deadline beyond the wheel's round is kept") {
  TimerWheel wheel(start);
  TimerWheel::Timer timer(1);
  wheel.schedule(timer, start + 10min);
  for (auto time = 100ms; time < 10min; time += 100ms) REQUIRE(wheel.expire(start + time).empty());
  CHECK(wheel.expire(start + 10min) == Keys{1});
}

TEST_CASE("a wheel that was not asked for long misses nothing") {
  TimerWheel wheel(start);
  TimerWheel::Timer first(1), second(2), far(3);
  wheel.schedule(first, start + 1s);
  wheel.schedule(second, start + 100s);
  wheel.schedule(far, start + 3h);
  CHECK(wheel.expire(start + 1h).size() == 2);
  CHECK(wheel.expire(start + 3h) == Keys{3});
}

TEST_CASE("a destroyed timer never fires") {
  TimerWheel wheel(start);
  auto timer = std::make_unique<TimerWheel::Timer>(1);
  wheel.schedule(*timer, start + 1s);
  timer.reset();
  CHECK(wheel.empty());
  CHECK(wheel.expire(start + 2s).empty());
}
