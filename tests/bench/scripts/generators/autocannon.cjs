// What autocannon does where its options are not enough: it reads the JSON page. Its arguments are where autocannon is
// installed, the URL, and how many connections and seconds; it prints the result as autocannon's `--json` does.

const [installed, url, connections, duration] = process.argv.slice(2);
const autocannon = require(installed);

const verifyBody = (body) => {
  try {
    return JSON.parse(body).id === 12345;
  } catch {
    return false;
  }
};

autocannon({ url, connections: Number(connections), duration: Number(duration), verifyBody }, (error, result) => {
  if (error) throw error;
  console.log(JSON.stringify(result));
});
