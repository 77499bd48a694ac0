import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

/** Whether a value is valid, as ajv says, formats included. */
export function validatorOf(schema: object | boolean): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, validateFormats: true, ownProperties: true })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  return (value) => validate(value) === true
}
