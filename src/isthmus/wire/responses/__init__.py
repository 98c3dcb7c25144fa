"""The OpenAI Responses protocol: documents, their shape, stream events, usage and errors."""
