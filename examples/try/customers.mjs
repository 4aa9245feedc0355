/** The customers of examples/try: `node customers.mjs URL` sends 50 requests a second, whether they are answered or not. */
setInterval(
  () =>
    void fetch(process.argv[2]).then(
      (response) => response.text(),
      () => {},
    ),
  20,
);
