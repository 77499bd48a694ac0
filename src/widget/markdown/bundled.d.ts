// What esbuild puts into the bundle as it is (scripts/build-widget.ts).

declare module '*.css' {
  const text: string
  export default text
}

declare module '*.woff2' {
  const base64: string
  export default base64
}
