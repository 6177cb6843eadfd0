-- Decides about one request under all its rules, as one. The arithmetic is that of liblms/base/rate.cpp and the order of
-- things that of MemoryRateLimiter::decide; the contract tests hold them to each other.
--
-- KEYS: of each rule, what its client has asked under it, and the client's penalty.
-- ARGV: the time in microseconds, or empty for that of Redis; 1 if breaking rules is punished; then of each rule its
--   algorithm, limit, window in milliseconds, burst, and 1 if breaking it is the client's own fault.
-- Returns: whether it is allowed, the tightest rule (from 0), whether that rule is open, what remains, milliseconds
--   until all is there again, milliseconds until one more may come, whether it broke a rule just now.

local slices = 8
local sliding_window, fixed_window, token_bucket = '0', '1', '2'
local first_penalty, longest_penalty, forgotten_after, doublings = 1e6, 3600e6, 600e6, 12  -- microseconds

local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min

local now_us, grace = tonumber(ARGV[1]), 60000
if not now_us then
  grace = 0
  local time = redis.call('TIME')
  now_us = time[1] * 1e6 + time[2]
end
local now = floor(now_us / 1000)
local punishes = ARGV[2] == '1'

local function read(key, count)
  local numbers = {}
  for word in string.gmatch(redis.call('GET', key) or '', '%S+') do numbers[#numbers + 1] = tonumber(word) end
  for i = #numbers + 1, count do numbers[i] = 0 end
  return numbers
end

-- Redis forgets by its own clock; the caller's may be slower.
local function write(key, numbers, life)
  local words = {}
  for i, number in ipairs(numbers) do words[i] = string.format('%.0f', number) end
  redis.call('SET', key, table.concat(words, ' '), 'PX', string.format('%.0f', max(1, life + grace)))
end

local function greatest_divisor(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

local algorithms = {}

-- Of all of them a state is {at, count, ...}.
algorithms[sliding_window] = {
  carry = function(rule, state)
    local newest = floor(now / rule.slice)
    local passed = max(0, newest - state[1])
    local carried = {newest}
    for i = 0, slices do carried[i + 2] = passed <= i and state[i - passed + 2] or 0 end
    return carried
  end,
  standing = function(rule, state)
    local count = 0
    for i = 0, slices do count = count + state[i + 2] end
    local standing = {is_open = count < rule.limit, remaining = max(0, rule.limit - count), reset = 0, retry = 0}
    local too_many = count - rule.limit + 1
    for age = slices, 0, -1 do
      if state[age + 2] > 0 then
        standing.reset = (state[1] - age + slices + 1) * rule.slice - now
        if too_many > 0 then standing.retry = standing.reset end
        too_many = too_many - state[age + 2]
      end
    end
    return standing
  end,
  one = function() return 1 end,
}

algorithms[fixed_window] = {
  carry = function(rule, state)
    local window = floor(now / rule.window)
    return {window, window > state[1] and 0 or state[2]}
  end,
  standing = function(rule, state)
    local left = (state[1] + 1) * rule.window - now
    local is_open = state[2] < rule.limit
    return {is_open = is_open, remaining = max(0, rule.limit - state[2]), reset = left, retry = is_open and 0 or left}
  end,
  one = function() return 1 end,
}

algorithms[token_bucket] = {
  carry = function(rule, state)
    local passed = max(0, now - state[1])
    local taken = state[2]
    if passed >= ceil(taken / rule.back) then taken = 0 else taken = taken - passed * rule.back end
    return {now, taken}
  end,
  standing = function(rule, state)
    local taken = state[2]
    local missing = max(0, taken + rule.one - rule.capacity)
    return {is_open = missing == 0, remaining = floor(max(0, rule.capacity - taken) / rule.one),
            reset = ceil(taken / rule.back), retry = ceil(missing / rule.back)}
  end,
  one = function(rule) return rule.one end,
}

local function is_tighter(one, other)
  if one.is_open and other.is_open then return one.remaining < other.remaining end
  return one.retry > other.retry
end

-- A penalty is {violations, last, blocked until}.
local function aged(penalty)
  local forgotten = floor((now_us - penalty[2]) / forgotten_after)
  if penalty[1] == 0 or forgotten <= 0 then return penalty end
  return {max(0, penalty[1] - forgotten), penalty[2] + forgotten * forgotten_after, penalty[3]}
end

local function punished(penalty)
  local before = aged(penalty)[1]
  return {before + 1, now_us, now_us + min(first_penalty * 2 ^ min(before, doublings), longest_penalty)}
end

local rules, tightest, blocked = {}, nil, 0
for i = 1, #KEYS / 2 do
  local first = 5 * i - 2
  local rule = {key = KEYS[2 * i - 1], penalty_key = KEYS[2 * i], algorithm = algorithms[ARGV[first]],
                limit = tonumber(ARGV[first + 1]), window = tonumber(ARGV[first + 2]), punishes = ARGV[first + 4] == '1'}
  if ARGV[first] == sliding_window then rule.slice = rule.window / slices end
  if ARGV[first] == token_bucket then
    local burst = tonumber(ARGV[first + 3])
    local common = greatest_divisor(rule.limit, rule.window)
    rule.back = rule.limit / common
    rule.one = rule.window / common
    rule.capacity = (burst > 0 and burst or rule.limit) * rule.one
  end
  local stored = read(rule.key, slices + 2)
  rule.state = rule.algorithm.carry(rule, stored)
  rule.went_back = rule.state[1] < stored[1]
  rule.standing = rule.algorithm.standing(rule, rule.state)
  if punishes then blocked = max(blocked, ceil((read(rule.penalty_key, 3)[3] - now_us) / 1000)) end
  if not tightest or is_tighter(rule.standing, rules[tightest].standing) then tightest = i end
  rules[i] = rule
end

local function keep(rule)
  write(rule.key, rule.state, rule.algorithm.standing(rule, rule.state).reset)
end

local function answer(allowed, standing, is_violation)
  return {allowed and 1 or 0, tightest - 1, standing.is_open and 1 or 0, standing.remaining, standing.reset,
          standing.retry, is_violation and 1 or 0}
end

local tight = rules[tightest]
if blocked == 0 and tight.standing.is_open then
  for _, rule in ipairs(rules) do
    rule.state[2] = rule.state[2] + rule.algorithm.one(rule)
    keep(rule)
  end
  return answer(true, tight.algorithm.standing(tight, tight.state), false)
end

for _, rule in ipairs(rules) do
  if rule.went_back then keep(rule) end  -- it need not wait for the clock to catch up
end
local is_violation = blocked == 0 and punishes and tight.punishes
if is_violation then
  local penalty = punished(read(tight.penalty_key, 3))
  blocked = ceil((penalty[3] - now_us) / 1000)
  write(tight.penalty_key, penalty, max(blocked, penalty[1] * forgotten_after / 1000))
end
tight.standing.is_open = false
tight.standing.retry = max(tight.standing.retry, blocked)
return answer(false, tight.standing, is_violation)
