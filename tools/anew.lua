-- For wrk: every request has another query.
local asked = os.time() * 1000000
local joint = string.find(wrk.path, "?", 1, true) and "&" or "?"
request = function()
  asked = asked + 1
  return wrk.format(nil, string.format("%s%sn=%d", wrk.path, joint, asked))
end
