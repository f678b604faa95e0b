-- What wrk does in the case `json`: looks at the status and reads a number out of the page. It has no JSON; a pattern does here.

local wrong = 0

function response(status, _, body)
   if status ~= 200 or body:match('"id":(%d+)') ~= "12345" then
      wrong = wrong + 1
      wrk.thread:set("wrong", wrong)
   end
end

local threads = {}

function setup(thread)
   thread:set("wrong", 0)
   table.insert(threads, thread)
end

function done()
   local all = 0
   for _, thread in ipairs(threads) do
      all = all + thread:get("wrong")
   end
   io.write("Not what was asked for: ", all, "\n")
end
