-- What wrk sends in the case `post`; its argument is the file of the body.

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   wrk.method = "POST"
   wrk.body = file:read("*a")
   wrk.headers["Content-Type"] = "text/plain"
   file:close()
end
