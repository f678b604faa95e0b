// What artillery.json needs of JavaScript: how long its users go on, and the body that they send. SECONDS and BODY say it.

const { readFileSync } = require("node:fs");

const end = Date.now() + 1000 * Number(process.env.SECONDS);
const body = readFileSync(process.env.BODY, "utf8");

exports.goOn = (context, next) => next(Date.now() < end);

exports.setBody = (request, context, events, next) => {
  request.body = body;
  return next();
};
