-- wrk -s load.lua URL -- FILE THREADS PART ONCE
-- Sends requests from a file, in which the bytes of each follow a line with their number. PART is the share of them that
-- is used, `0.1:1` for all but the first tenth; with ONCE = 1 each is sent at most once. Prints one line of JSON.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

local requests, at, only_once = {}, 0, false
refused, first_refusal, used_up = 0, "", 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local all = {}
  while true do
    local size = file:read("*number")
    if not size then break end
    file:read(1)
    all[#all + 1] = file:read(size)
  end
  file:close()
  local from, to = string.match(args[3], "(.*):(.*)")
  for i = math.floor(#all * from) + 1 + number, math.floor(#all * to), tonumber(args[2]) do
    requests[#requests + 1] = all[i]
  end
  only_once = args[4] == "1"
end

function request()
  at = at + 1
  if at > #requests then
    if only_once then
      used_up = 1
      wrk.thread:stop()
    end
    at = 1
  end
  return requests[at]
end

function response(status, headers, body)
  if status < 200 or status > 299 then
    if refused == 0 then first_refusal = status .. " " .. string.sub(body, 1, 300) end
    refused = refused + 1
  end
end

local function quoted(text)
  return '"' .. string.gsub(text, '[%c"\\]', function(c) return string.format("\\u%04x", string.byte(c)) end) .. '"'
end

function done(summary, latency)
  local all_refused, refusal, ran_out = 0, "", 0
  for _, thread in ipairs(threads) do
    all_refused = all_refused + thread:get("refused")
    ran_out = ran_out + thread:get("used_up")
    if refusal == "" then refusal = thread:get("first_refusal") end
  end
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "refused": %d, "first_refusal": %s, "broken": %d, "used_up": %s, ' ..
    '"p50_ms": %.3f, "p99_ms": %.3f}',
    summary.requests, summary.duration / 1e6, all_refused, quoted(refusal),
    errors.connect + errors.read + errors.write + errors.timeout, tostring(ran_out > 0),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
