#include "metrics/machine_readings.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace lms {

namespace {

using Kind = MetricReading::Kind;

MetricReading one(Kind kind, std::string name, std::string help, double value) {
  return {.kind = kind, .name = std::move(name), .help = std::move(help), .samples = {{.value = value}}};
}

double ticks_a_second() {
  return static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// Fields of /proc/self/stat from the third on: the second may hold anything.
std::vector<std::string> process_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto end_of_name = line.rfind(')');
  std::vector<std::string> fields;
  if (end_of_name == std::string::npos) return fields;
  std::istringstream rest(line.substr(end_of_name + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

/// `MemTotal: 123 kB` and the like, in bytes.
std::map<std::string, double> memory_of_machine() {
  constexpr double kibibyte = 1024;
  std::map<std::string, double> result;
  std::ifstream file("/proc/meminfo");
  for (std::string name, unit, line; std::getline(file, line);) {
    std::istringstream words(line);
    double amount = 0;
    if (words >> name >> amount >> unit && unit == "kB") result[name] = amount * kibibyte;
  }
  return result;
}

void add_process(std::vector<MetricReading>& readings) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    readings.push_back(one(Kind::counter, "process_cpu_seconds_total", "Time on a processor, in seconds.",
                           seconds(usage.ru_utime) + seconds(usage.ru_stime)));
  }
  constexpr std::size_t threads = 17, resident_pages = 21;  // from the third field on
  const std::vector<std::string> fields = process_fields();
  if (fields.size() > resident_pages) {
    readings.push_back(one(Kind::gauge, "process_threads", "Threads.", std::stod(fields[threads])));
    readings.push_back(one(Kind::gauge, "process_resident_memory_bytes", "Memory in use.",
                           std::stod(fields[resident_pages]) * static_cast<double>(sysconf(_SC_PAGESIZE))));
  }
  std::error_code error;
  std::size_t open = 0;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; !error && file != end;
       file.increment(error))
    ++open;
  if (!error) readings.push_back(one(Kind::gauge, "process_open_fds", "Open files and connections.", double(open)));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    readings.push_back(one(Kind::gauge, "process_max_fds", "Files and connections that may be open.",
                           static_cast<double>(limit.rlim_cur)));
}

void add_machine(std::vector<MetricReading>& readings) {
  std::ifstream stat("/proc/stat");
  std::string name;
  if (double user = 0, nice = 0, system = 0, idle = 0, waiting = 0;
      stat >> name >> user >> nice >> system >> idle >> waiting)
    readings.push_back({.kind = Kind::counter,
                        .name = "lms_system_cpu_seconds_total",
                        .help = "Time of all processors of the machine, in seconds.",
                        .samples = {{(user + nice) / ticks_a_second(), {{"mode", "user"}}},
                                    {system / ticks_a_second(), {{"mode", "system"}}},
                                    {idle / ticks_a_second(), {{"mode", "idle"}}},
                                    {waiting / ticks_a_second(), {{"mode", "iowait"}}}}});
  const auto memory = memory_of_machine();
  if (const auto total = memory.find("MemTotal:"), left = memory.find("MemAvailable:");
      total != memory.end() && left != memory.end()) {
    readings.push_back(one(Kind::gauge, "lms_system_memory_bytes", "Memory of the machine.", total->second));
    readings.push_back(
        one(Kind::gauge, "lms_system_memory_available_bytes", "Memory that programs can still have.", left->second));
  }
  std::error_code error;
  const auto disk = std::filesystem::space(".", error);
  if (!error) {
    readings.push_back(one(Kind::gauge, "lms_system_disk_bytes", "The disk of the folder that the program works in.",
                           static_cast<double>(disk.capacity)));
    readings.push_back(one(Kind::gauge, "lms_system_disk_available_bytes", "What is free on it.",
                           static_cast<double>(disk.available)));
  }
}

}  // namespace

std::vector<MetricReading> machine_readings() {
  std::vector<MetricReading> readings;
  add_process(readings);
  add_machine(readings);
  return readings;
}

}  // namespace lms
