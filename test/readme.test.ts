import { execFile } from 'node:child_process'
import { glob, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { startServer } from './support/server.ts'

it("the README's lines for the openai package get an answer, and those for Python say the same", async () => {
  const readme = await readFile('README.md', 'utf8')
  const [, node] = readme.match(/```js\n([^`]+)```/)!
  const [, python] = readme.match(/```python\n([^`]+)```/)!
  const values = (text: string) =>
    text.match(/http:\/\/localhost:8787\/v1|(?<=api_?key[:=] ?)['"]\w+|(?<=model[:=] ?)['"][\w-]+/gi)
  expect(values(node)?.map((value) => value.replace(/^'/, '"'))).toEqual(values(python))

  const server = await startServer()
  try {
    const script = node.replace('http://localhost:8787', server.url).replace('messages:', 'max_tokens: 8, messages:')
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout.trim()).not.toBe('')
    expect(stdout).not.toBe('undefined\n')
  } finally {
    await server.stop()
  }
})

it('CONTRIBUTING names files and folders that are there', async () => {
  const paths: string[] = []
  for await (const path of glob('{assembly,bench,deploy,docs,examples,scripts,src,test}/**/*')) paths.push(path)
  const contributing = await readFile('CONTRIBUTING.md', 'utf8')
  const named = [...contributing.matchAll(/`([\w./-]+(?:\.(?:ts|py|sh)|\/))`/g)].map(([, name]) =>
    name.replace(/\/$/, ''),
  )
  const places = named.filter((name) => !name.includes('NAME'))
  expect(places.length).toBeGreaterThan(30)
  expect(
    places.filter(
      (name) => !paths.some((path) => path === name || path.endsWith(`/${name}`) || path.startsWith(`${name}/`)),
    ),
  ).toEqual([])
})
