writer.add_image("Image Title", image_tensor, global_step)
