/** What `deno serve` is given: the answer that all servers give. */
export default {
  fetch: (): Response => new Response("Hello, World!"),
} satisfies Deno.ServeDefaultExport;
