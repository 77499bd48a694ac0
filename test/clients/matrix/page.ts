import type { Client, Feature } from './client.ts'
import { FEATURES } from './client.ts'

const HEAD = `# Clients

What clients do with this server, each as it comes but for its address: \`npm run test:clients\` asks them all, over sockets, and writes this
page. Tool loops and reasoning are those of a scripted model, everything else of the embedded one.

- **answer, stream**: text, whole and piece by piece, and what it cost.
- **hang up**: a client that leaves stops the model.
- **schema**: an object of a JSON Schema, parsed by the client.
- **forced tool**: a call that the model must make, with arguments of the tool's schema.
- **tool loop**: the model calls a tool, reads its result and answers.
- **reasoning**: what the model thought, apart from its answer.
`

/** The page of the documentation. @param probes what compatcanary found, by the names of its probes. */
export function page(
  clients: readonly Client[],
  results: ReadonlyMap<Client, ReadonlyMap<Feature, string>>,
  probes: ReadonlyMap<string, string>,
): string {
  const rows = clients.map((client) => {
    const found = FEATURES.map((feature) => client.lacks[feature] ?? results.get(client)?.get(feature) ?? 'not tried')
    return [client.name, client.version, ...found]
  })
  return [
    HEAD,
    `${table(['client', 'version', ...FEATURES], rows)}`,
    'The probes of `npx compatcanary scan`:\n',
    table(['probe', 'found'], [...probes]),
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cellText).join(' | ')} |\n`).join('')
}

function cellText(text: string): string {
  return text === 'works' ? '✓' : text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').slice(0, 160)
}
