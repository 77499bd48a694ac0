/**
 * Whether the model calls tools, and which. 'auto': as it likes; 'required': any, and at least one; or only those named, which it must call
 * where `required` says so.
 */
export type ToolChoice = 'auto' | 'required' | { readonly names: readonly string[]; readonly required: boolean }
