// What the fuzz target `multipart` runs in an isolate. `finding` is what it reports.
globalThis.finding = undefined;

async function entriesOf(form) {
  const entries = [];
  for (const [name, value] of form) {
    const isText = typeof value === "string";
    entries.push([name, isText ? value : [value.name, value.type, await value.text()]]);
  }
  return JSON.stringify(entries);
}

async function examine(boundary, bytes) {
  const type = `multipart/form-data; boundary=${new TextDecoder().decode(boundary)}`;
  let form;
  try {
    form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return;
  }
  // Writing it once changes line ends and quotation marks; after that it has to stay as it is.
  const second = await new Response(form).formData();
  const third = await new Response(second).formData();
  const [before, after] = [await entriesOf(second), await entriesOf(third)];
  if (before !== after) throw new Error(`${before} reads back as ${after}`);
  if ([...form].length !== [...second].length) throw new Error("an entry was lost");
}

globalThis.fuzz = (boundary, bytes) => {
  const report = (error) => (globalThis.finding = String(error?.stack ?? error));
  examine(new Uint8Array(boundary), new Uint8Array(bytes)).catch(report);
};
